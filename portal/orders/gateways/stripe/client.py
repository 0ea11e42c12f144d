"""How we speak to Stripe. The SDK tries nothing again by itself: what became of a call is our question to ask."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import stripe

from portal.orders.gateways.base import (
    Authorisation,
    CheckoutRequest,
    EvidenceFile,
    GatewayError,
    Notice,
    NoticeSubject,
    RemoteCheckout,
    RemoteDispute,
    RemotePayment,
    RemotePayout,
    RemotePayoutLine,
    SignatureError,
)
from portal.orders.gateways.stripe import reading
from portal.orders.gateways.stripe.failures import in_our_words

SIGNATURE: Final = "Stripe-Signature"
PAGE: Final = 100
MOST_PAGES: Final = 100
# A session of Stripe's checkout lives a day at most, and half an hour at least.
LONGEST_PAGE: Final = dt.timedelta(hours=23, minutes=30)
SHORTEST_PAGE: Final = dt.timedelta(minutes=45)
EVIDENCE: Final = {
    "explanation": "uncategorized_text",
    "goods": "product_description",
    "delivery": "access_activity_log",
    "contact": "cancellation_rebuttal",
    "policy": "refund_policy_disclosure",
}
EVIDENCE_FILES: Final = {
    "receipt": "receipt",
    "proof_of_delivery": "shipping_documentation",
    "correspondence": "customer_communication",
    "other": "uncategorized_file",
}


class StripeGateway:
    """One account at Stripe.

    Args:
        base_url: a stand-in for Stripe's own address, for tests.
    """

    def __init__(self, secret_key: str, *, base_url: str | None, seconds: float) -> None:
        addresses: Any = {"api": base_url, "files": base_url} if base_url else None
        self._client: Any = stripe.StripeClient(
            secret_key,
            base_addresses=addresses,
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=(min(5.0, seconds), seconds)),
        )

    def test(self) -> str:
        """Read one payment, as every later call needs to."""
        with in_our_words():
            self._client.v1.payment_intents.list({"limit": 1})
        return "Stripe takes the key."

    def authorise(self, request: Authorisation, *, key: str) -> RemotePayment:
        """Confirm a payment intent with a payment method."""
        asked = {
            "amount": reading.to_units(request.amount, request.currency),
            "currency": request.currency.lower(),
            "payment_method": request.token,
            "payment_method_types": ["card"],
            "confirm": True,
            "capture_method": "automatic" if request.is_captured_at_once else "manual",
            "metadata": {"key": key, "order": request.order_number},
        }
        with in_our_words():
            made = self._client.v1.payment_intents.create(asked, {"idempotency_key": key})
        return self._payment(_plain(made))

    def capture(self, reference: str, amount: Decimal, currency: str, *, key: str) -> RemotePayment:
        """Capture a payment intent; Stripe captures once and lets go of the rest, so the sum says whose it was."""
        asked = {"amount_to_capture": reading.to_units(amount, currency)}
        with in_our_words():
            made = self._client.v1.payment_intents.capture(reference, asked, {"idempotency_key": key})
        return self._payment(_plain(made))

    def void(self, reference: str, *, key: str) -> RemotePayment:
        """Cancel a payment intent."""
        with in_our_words():
            made = self._client.v1.payment_intents.cancel(reference, {}, {"idempotency_key": key})
        return self._payment(_plain(made))

    def refund(self, reference: str, amount: Decimal, currency: str, *, key: str) -> RemotePayment:
        """Refund some of a payment intent."""
        asked = {
            "payment_intent": reference,
            "amount": reading.to_units(amount, currency),
            "metadata": {"key": key},
        }
        with in_our_words():
            self._client.v1.refunds.create(asked, {"idempotency_key": key})
        found = self.payment(reference)
        if found is None:
            raise GatewayError("unknown", "Stripe did not show the payment after the refund.")
        return found

    def payment(self, reference: str) -> RemotePayment | None:
        """A payment intent with its refunds."""
        intent = self._find(
            lambda: self._client.v1.payment_intents.retrieve(reference, {"expand": ["latest_charge"]})
        )
        return None if intent is None else self._payment(intent)

    def payment_by_key(self, key: str, *, since: dt.datetime) -> RemotePayment | None:
        """The payment intent that carries a key. Read from the list, which shows what was made a moment ago."""
        asked = {"expand": ["data.latest_charge"]}
        for intent in self._each(self._client.v1.payment_intents, asked):
            if (intent.get("metadata") or {}).get("key") == key:
                return self._payment(intent)
            # The newest come first.
            if intent["created"] < since.timestamp():
                break
        return None

    def checkout(self, request: CheckoutRequest, *, key: str) -> RemoteCheckout:
        """A checkout session for one amount."""
        # Stripe refuses a key that comes back with other wishes, so the time is that of the first request.
        until = min(
            max(request.expires_at, request.asked_at + SHORTEST_PAGE), request.asked_at + LONGEST_PAGE
        )
        asked = {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": request.currency.lower(),
                        "unit_amount": reading.to_units(request.amount, request.currency),
                        "product_data": {"name": f"Order {request.order_number}"},
                    },
                }
            ],
            "payment_intent_data": {
                "capture_method": "automatic" if request.is_captured_at_once else "manual",
                "metadata": {"key": key, "order": request.order_number},
            },
            "success_url": request.return_url,
            "cancel_url": request.return_url,
            "expires_at": int(until.timestamp()),
            "metadata": {"key": key},
        }
        with in_our_words():
            return reading.checkout(
                _plain(self._client.v1.checkout.sessions.create(asked, {"idempotency_key": key}))
            )

    def checkout_state(self, reference: str) -> RemoteCheckout | None:
        """A checkout session as it stands."""
        found = self._find(lambda: self._client.v1.checkout.sessions.retrieve(reference))
        return None if found is None else reading.checkout(found)

    def close_checkout(self, reference: str) -> RemoteCheckout | None:
        """Expire a session that is open."""
        page = self.checkout_state(reference)
        if page is None or not page.is_open:
            return page
        with in_our_words():
            return reading.checkout(_plain(self._client.v1.checkout.sessions.expire(reference)))

    def dispute(self, reference: str) -> RemoteDispute | None:
        """A dispute as it stands."""
        found = self._find(lambda: self._client.v1.disputes.retrieve(reference))
        return None if found is None else reading.dispute(found)

    def submit_evidence(
        self, reference: str, texts: Mapping[str, str], files: Sequence[EvidenceFile], *, key: str
    ) -> RemoteDispute:
        """Upload the files, then submit; Stripe takes one file of a kind."""
        evidence: dict[str, str] = {EVIDENCE[name]: text for name, text in texts.items() if name in EVIDENCE}
        with in_our_words():
            for number, each in enumerate(files):
                named = io.BytesIO(each.content)
                named.name = each.name
                uploaded = self._client.v1.files.create(
                    {"purpose": "dispute_evidence", "file": named}, {"idempotency_key": f"{key}:{number}"}
                )
                evidence[EVIDENCE_FILES.get(each.kind, "uncategorized_file")] = uploaded.id
            asked = {"evidence": evidence, "submit": True, "metadata": {"evidence_key": key}}
            return reading.dispute(
                _plain(self._client.v1.disputes.update(reference, asked, {"idempotency_key": key}))
            )

    def payouts(self, since: dt.datetime | None) -> Sequence[RemotePayout]:
        """Payouts made since, the oldest first."""
        asked = {"created": {"gte": int(since.timestamp())}} if since else {}
        return [reading.payout(each) for each in self._each(self._client.v1.payouts, asked, pages=1_000)][
            ::-1
        ]

    def payout(self, reference: str) -> RemotePayout | None:
        """One payout."""
        found = self._find(lambda: self._client.v1.payouts.retrieve(reference))
        return None if found is None else reading.payout(found)

    def payout_lines(self, reference: str) -> Iterator[RemotePayoutLine]:
        """The balance transactions of a payout."""
        asked = {"payout": reference, "expand": ["data.source"]}
        for each in self._each(self._client.v1.balance_transactions, asked, pages=1_000):
            line = reading.payout_line(each)
            if line is not None:
                yield line

    def read_notice(self, body: bytes, headers: Mapping[str, str], secret: str) -> Notice:
        """Check Stripe's signature and say what the event is about."""
        try:
            stripe.WebhookSignature.verify_header(body.decode(), headers.get(SIGNATURE, ""), secret, 300)
            event = json.loads(body)
            kind = str(event["type"])
            at = dt.datetime.fromtimestamp(int(event["created"]), dt.UTC)
            return Notice(str(event["id"]), kind, _subject(kind), reading.object_of(event), at)
        except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise SignatureError("The notice is not signed by Stripe.") from error

    def _payment(self, intent: reading.Document) -> RemotePayment:
        if intent["status"] != "succeeded":
            return reading.payment(intent, ())
        refunds = list(self._each(self._client.v1.refunds, {"payment_intent": intent["id"]}))
        return reading.payment(intent, refunds)

    def _find(self, ask: Any) -> dict[str, Any] | None:
        try:
            with in_our_words():
                return _plain(ask())
        except GatewayError as error:
            if error.kind == "gone":
                return None
            raise

    def _each(
        self, of: Any, asked: Mapping[str, Any], *, pages: int = MOST_PAGES
    ) -> Iterator[dict[str, Any]]:
        after: dict[str, str] = {}
        for _ in range(pages):
            with in_our_words():
                page = _plain(of.list({**asked, "limit": PAGE, **after}))
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}
        # Half a list would say "there is none" of what stands on its next page.
        raise GatewayError("unknown", "Stripe has more to show than can be read at once.", code="too_many")


def _subject(kind: str) -> NoticeSubject:
    if kind.startswith("charge.dispute"):
        return "dispute"
    head = kind.partition(".")[0]
    if head in ("payment_intent", "charge", "refund", "checkout"):
        return "payment"
    return "payout" if head == "payout" else "other"


def _plain(found: Any) -> dict[str, Any]:
    """Stripe's objects are no mappings; ours to read are."""
    plain: dict[str, Any] = found.to_dict()
    return plain
