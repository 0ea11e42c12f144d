"""Notices to the merchant's address: signed, sent by a thread of their own; late, twice and in any order when told to."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import random
import secrets
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from deploy.gateway.book import now

RETRIES = (0.2, 1.0, 5.0)


@dataclass
class Teller:
    """Keeps what is to be told and sends it.

    ``is_holding`` keeps everything back until ``release``; ``times`` sends each notice so often.
    """

    accounts: dict[str, Any]
    is_holding: bool = False
    times: int = 1
    held: list[tuple[str, bytes]] = field(default_factory=list)
    delivered: list[dict[str, Any]] = field(default_factory=list)
    _waiting: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)

    def start(self) -> None:
        """Begin to send."""
        threading.Thread(target=self._send_all, daemon=True).start()

    def tell(self, account: str, kind: str, name: str) -> None:
        """Something happened; it is told when nothing holds it back."""
        body = json.dumps(
            {"id": f"ntc_{secrets.token_hex(9)}", "kind": kind, "object": name, "at": now().isoformat()}
        ).encode()
        if self.is_holding:
            self.held.append((account, body))
            return
        for _ in range(self.times):
            self._waiting.put((account, body))

    def release(self, *, shuffle: bool, times: int, seed: int | None = None) -> int:
        """Send what was held back, each so many times, in any order; gives how many were sent."""
        held, self.held = self.held * times, []
        if shuffle:
            random.Random(seed).shuffle(held)
        for each in held:
            self._waiting.put(each)
        return len(held)

    def is_idle(self) -> bool:
        """Whether everything that may be sent is sent."""
        return self._waiting.unfinished_tasks == 0

    def _send_all(self) -> None:
        while True:
            account, body = self._waiting.get()
            try:
                self._send(account, body)
            finally:
                self._waiting.task_done()

    def _send(self, account: str, body: bytes) -> None:
        settings = self.accounts.get(account, {})
        url, secret = settings.get("webhook_url"), settings.get("webhook_secret", "")
        if not url:
            return
        for pause in (0.0, *RETRIES):
            time.sleep(pause)
            status, seconds = _post(url, body, secret)
            self.delivered.append({"body": json.loads(body), "status": status, "seconds": seconds})
            if status is not None and status < 300:
                return


def _post(url: str, body: bytes, secret: str) -> tuple[int | None, float]:
    at = int(time.time())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(
        url,
        data=body,
        headers={"Content-Type": "application/json", "House-Signature": f"t={at},v1={digest}"},
    )
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, time.monotonic() - began
    except urllib.error.HTTPError as error:
        return error.code, time.monotonic() - began
    except OSError:
        return None, time.monotonic() - began
