"""The practice gateway beside a demo: a process of its own that keeps its book with the demo's other state."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import ROOT, CannotGoOnError, say
from deploy.local.servers import die_with_parent, free_port, log_file, tail

USUAL_PORT = 8421
START_PATIENCE = 20.0


@dataclass(frozen=True)
class PracticeGateway:
    """A running gateway."""

    url: str

    def environment(self) -> dict[str, str]:
        """What lets the portal call it although it is on this machine."""
        host = self.url.removeprefix("http://")
        given = os.environ.get("PRIVATE_HOSTS")
        return {"PRACTICE_GATEWAY_URL": self.url, "PRIVATE_HOSTS": f"{given},{host}" if given else host}

    def tell(self, portal_url: str) -> None:
        """Say where the portal answers today."""
        request = urllib.request.Request(
            f"{self.url}/desk/portal",
            data=json.dumps({"url": portal_url}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=5).close()


@contextmanager
def practice_gateway(environment: dict[str, str], folder: Path) -> Iterator[PracticeGateway]:
    """Run the gateway on the port it had before, because accounts in the database name it."""
    kept = folder / "gateway.port"
    wanted = int(kept.read_text()) if kept.exists() else USUAL_PORT
    port = free_port(wanted)
    if kept.exists() and port != wanted:
        say(f"Port {wanted} is taken, so the practice gateway cannot be reached in this demo.")
    else:
        kept.write_text(str(port))
    log = folder / "gateway.log"
    with log_file(log) as handle:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "deploy.gateway",
                "--port",
                str(port),
                "--state",
                str(folder / "gateway.json"),
            ],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/desk/state", log)
        yield PracticeGateway(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise CannotGoOnError(f"The practice gateway did not start:\n{tail(log)}")
