"""How we speak to the practice gateway: JSON over HTTP, a key in ``Authorization``, ``Idempotency-Key`` on what changes money."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from portal.orders.gateways import signatures, wire
from portal.orders.gateways.base import (
    Authorisation,
    CheckoutRequest,
    EvidenceFile,
    GatewayError,
    Notice,
    RemoteCheckout,
    RemoteDispute,
    RemotePayment,
    RemotePayout,
    RemotePayoutLine,
    SignatureError,
)
from portal.orders.gateways.house import reading

SIGNATURE: Final = "House-Signature"


class HouseGateway:
    """One account at the practice gateway."""

    def __init__(self, base_url: str, secret_key: str, *, seconds: float) -> None:
        self._base_url, self._secret_key, self._seconds = base_url, secret_key, seconds

    def test(self) -> str:
        """The gateway names the account."""
        answer = self._call("GET", "/v1/account")
        return f"The practice gateway answers as “{answer['name']}”. No money moves there."

    def authorise(self, request: Authorisation, *, key: str) -> RemotePayment:
        """Set money aside with a token."""
        document = {
            "amount": str(request.amount), "currency": request.currency, "token": request.token, "order": request.order_number,
            "capture": request.is_captured_at_once,
        }  # fmt: skip
        return reading.payment(self._call("POST", "/v1/payments", document, key=key))

    def capture(self, reference: str, amount: Decimal, currency: str, *, key: str) -> RemotePayment:
        """Take some of it."""
        return self._on(reference, "captures", {"amount": str(amount), "currency": currency}, key)

    def void(self, reference: str, *, key: str) -> RemotePayment:
        """Let go of the rest."""
        return self._on(reference, "void", {}, key)

    def refund(self, reference: str, amount: Decimal, currency: str, *, key: str) -> RemotePayment:
        """Give some of it back."""
        return self._on(reference, "refunds", {"amount": str(amount), "currency": currency}, key)

    def payment(self, reference: str) -> RemotePayment | None:
        """A payment as it stands."""
        found = self._find(f"/v1/payments/{_name(reference)}")
        return None if found is None else reading.payment(found)

    def payment_by_key(self, key: str, *, since: dt.datetime) -> RemotePayment | None:
        """The payment made with a key."""
        found = self._call("GET", f"/v1/payments?key={quote(key, safe='')}")
        return reading.payment(found["payments"][0]) if found["payments"] else None

    def checkout(self, request: CheckoutRequest, *, key: str) -> RemoteCheckout:
        """A page on which to pay."""
        document = {
            "amount": str(request.amount), "currency": request.currency, "order": request.order_number,
            "expires_at": request.expires_at.isoformat(), "return_url": request.return_url, "capture": request.is_captured_at_once,
        }  # fmt: skip
        return reading.checkout(self._call("POST", "/v1/checkouts", document, key=key))

    def checkout_state(self, reference: str) -> RemoteCheckout | None:
        """A page as it stands."""
        found = self._find(f"/v1/checkouts/{_name(reference)}")
        return None if found is None else reading.checkout(found)

    def close_checkout(self, reference: str) -> RemoteCheckout | None:
        """Close a page."""
        return reading.checkout(self._call("POST", f"/v1/checkouts/{_name(reference)}/close", {}))

    def dispute(self, reference: str) -> RemoteDispute | None:
        """A dispute as it stands."""
        found = self._find(f"/v1/disputes/{_name(reference)}")
        return None if found is None else reading.dispute(found)

    def submit_evidence(
        self, reference: str, texts: Mapping[str, str], files: Sequence[EvidenceFile], *, key: str
    ) -> RemoteDispute:
        """Answer the bank."""
        document = {
            "texts": dict(texts),
            "files": [
                {"kind": each.kind, "name": each.name, "type": each.media_type, "content": base64.b64encode(each.content).decode()}
                for each in files
            ],
        }  # fmt: skip
        return reading.dispute(
            self._call("POST", f"/v1/disputes/{_name(reference)}/evidence", document, key=key)
        )

    def payouts(self, since: dt.datetime | None) -> Sequence[RemotePayout]:
        """Payouts from an instant on."""
        query = f"?since={quote(since.isoformat(), safe='')}" if since else ""
        return [reading.payout(each) for each in self._call("GET", f"/v1/payouts{query}")["payouts"]]

    def payout(self, reference: str) -> RemotePayout | None:
        """One payout."""
        found = self._find(f"/v1/payouts/{_name(reference)}")
        return None if found is None else reading.payout(found)

    def payout_lines(self, reference: str) -> Sequence[RemotePayoutLine]:
        """What it is made of."""
        found = self._call("GET", f"/v1/payouts/{_name(reference)}/lines")
        return [reading.payout_line(each) for each in found["lines"]]

    def read_notice(self, body: bytes, headers: Mapping[str, str], secret: str) -> Notice:
        """Check the signature and say what the notice is about."""
        signatures.check(body, headers.get(SIGNATURE, ""), secret)
        try:
            document = json.loads(body)
            kind, subject = str(document["kind"]), str(document["kind"]).partition(".")[0]
            at = dt.datetime.fromisoformat(document["at"])
            return Notice(
                str(document["id"]), kind, subject if subject in ("payment", "dispute", "payout") else "other",  # type: ignore[arg-type]
                str(document["object"]), at,
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SignatureError("The notice cannot be read.") from error

    def _on(self, reference: str, act: str, document: dict[str, Any], key: str) -> RemotePayment:
        return reading.payment(
            self._call("POST", f"/v1/payments/{_name(reference)}/{act}", document, key=key)
        )

    def _find(self, path: str) -> dict[str, Any] | None:
        try:
            return self._call("GET", path)
        except GatewayError as error:
            if error.kind == "gone":
                return None
            raise

    def _call(
        self, method: str, path: str, document: dict[str, Any] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._secret_key}"} | ({"Idempotency-Key": key} if key else {})
        answer = wire.call(
            method, f"{self._base_url}{path}", headers=headers, document=document, seconds=self._seconds
        )
        if answer.status == 200 and isinstance(answer.document, dict):
            return answer.document
        raise _failure(answer)


def _failure(answer: wire.Answer) -> GatewayError:
    said = answer.document if isinstance(answer.document, dict) else {}
    code = str(said.get("code", ""))[:60] or None
    match answer.status:
        case 401 | 403:
            return GatewayError("credentials", "The gateway refused the secret key. Enter one that works.")
        case 402:
            return GatewayError("declined", "The buyer's bank declined the payment.", code=code)
        case 404:
            return GatewayError("gone", "The gateway does not know it.", code=code)
        case 409 | 422:
            return GatewayError("refused", "The gateway refused it as things stand.", code=code)
        case 429:
            wait = answer.headers.get("retry-after", "")
            return GatewayError(
                "throttled", "The gateway asked us to wait.", retry_after=int(wait) if wait.isdigit() else 30
            )
    return GatewayError("unknown", wire.UNKNOWN, code=f"status_{answer.status}")


def _name(reference: str) -> str:
    return quote(reference, safe="")
