"""Stripe's documents in our words. Stripe counts in the smallest unit of a currency."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

from portal.core.money import minor_units
from portal.orders.gateways.base import (
    EntryState,
    RemoteCheckout,
    RemoteDispute,
    RemoteEntry,
    RemotePayment,
    RemotePayout,
    RemotePayoutLine,
    RemoteState,
)

Document = Mapping[str, Any]

STATES: Final[Mapping[str, RemoteState]] = {
    "requires_capture": "authorised",
    "succeeded": "captured",
    "canceled": "voided",
}
REFUND_STATES: Final[Mapping[str, EntryState]] = {
    "succeeded": "done",
    "failed": "failed",
    "canceled": "failed",
}
DISPUTE_STATES: Final[Mapping[str, Literal["needs_response", "under_review", "won", "lost"]]] = {
    "needs_response": "needs_response",
    "warning_needs_response": "needs_response",
    "under_review": "under_review",
    "warning_under_review": "under_review",
    "won": "won",
    "warning_closed": "won",
    "prevented": "won",
    "lost": "lost",
}
LINE_KINDS: Final[Mapping[str, Literal["payment", "refund", "dispute", "fee", "adjustment"]]] = {
    "charge": "payment",
    "payment": "payment",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund",
    "payment_failure_refund": "refund",
    "stripe_fee": "fee",
    "network_cost": "fee",
    "tax_fee": "fee",
}
# What Stripe itself charges in other digits than the currency has.
ZERO_DECIMAL_AT_STRIPE: Final = frozenset({"ISK", "UGX"})


def to_units(amount: Decimal, currency: str) -> int:
    """An amount as Stripe counts it."""
    return int((amount * 10 ** _digits(currency)).to_integral_value())


def from_units(units: int | None, currency: str) -> Decimal:
    """What Stripe counted, as people write it."""
    return Decimal(units or 0).scaleb(-_digits(currency))


def payment(intent: Document, refunds: Sequence[Document]) -> RemotePayment:
    """A payment intent with its refunds."""
    currency = str(intent["currency"]).upper()
    given: Document = intent.get("metadata") or {}
    charge = intent.get("latest_charge")
    card = _card(charge if isinstance(charge, Mapping) else {})
    captured = from_units(_received(intent, charge), currency)
    problem = intent.get("last_payment_error") or {}
    state = STATES.get(intent["status"], "pending")
    if (
        state == "pending"
        and problem
        and str(given.get("key", "")).partition(":")[2].startswith("authorise:")
    ):
        state = "failed"
    return RemotePayment(
        reference=intent["id"],
        state=state,
        amount=from_units(intent["amount"], currency),
        currency=currency,
        captured=captured,
        captures=_captures(charge, captured),
        refunds=tuple(_refund(each, currency) for each in refunds),
        card_brand=card.get("brand"),
        card_last_four=card.get("last4"),
        authorised_until=_time(card.get("capture_before")),
        code=_code(problem) if state in ("pending", "failed") else None,
        key=given.get("key"),
    )


def checkout(session: Document) -> RemoteCheckout:
    """A checkout session."""
    found = session.get("payment_intent")
    name = found["id"] if isinstance(found, Mapping) else found
    is_open = session.get("status") == "open"
    return RemoteCheckout(session["id"], session.get("url") if is_open else None, is_open, name)


def dispute(document: Document) -> RemoteDispute:
    """A dispute. Its fee stands in the balance transactions it made."""
    currency = str(document["currency"]).upper()
    fees = [each for each in document.get("balance_transactions") or [] if isinstance(each, Mapping)]
    intent = document.get("payment_intent")
    state = DISPUTE_STATES.get(document["status"], "under_review")
    evidence = document.get("evidence_details") or {}
    return RemoteDispute(
        reference=document["id"],
        payment_reference=str(intent["id"] if isinstance(intent, Mapping) else intent or ""),
        state=state,
        reason=str(document.get("reason") or "general")[:60],
        amount=from_units(document["amount"], currency),
        fee=max(sum((from_units(each.get("fee"), currency) for each in fees), Decimal(0)), Decimal(0)),
        currency=currency,
        opened_at=_time(document["created"]) or dt.datetime.now(dt.UTC),
        due_at=_time(evidence.get("due_by")),
        evidence_key=(document.get("metadata") or {}).get("evidence_key"),
    )


def payout(document: Document) -> RemotePayout:
    """A payout."""
    currency = str(document["currency"]).upper()
    arrival = _time(document.get("arrival_date")) or _time(document["created"]) or dt.datetime.now(dt.UTC)
    states: Mapping[str, Literal["in_transit", "paid", "failed"]] = {
        "paid": "paid",
        "failed": "failed",
        "canceled": "failed",
    }
    return RemotePayout(
        document["id"],
        states.get(document["status"], "in_transit"),
        from_units(document["amount"], currency),
        currency,
        arrival.date(),
        _time(document["created"]) or arrival,
    )


def payout_line(entry: Document) -> RemotePayoutLine | None:
    """A balance transaction of a payout; None for the payout itself, which is no part of it."""
    if entry["type"] == "payout":
        return None
    currency = str(entry["currency"]).upper()
    source = entry.get("source")
    named: Document = source if isinstance(source, Mapping) else {}
    kind = LINE_KINDS.get(entry["type"], "adjustment")
    if named.get("object") == "dispute":
        kind = "dispute"
    gross, fee = from_units(entry["amount"], currency), from_units(entry.get("fee"), currency)
    return RemotePayoutLine(
        reference=entry["id"],
        kind=kind,
        gross=gross,
        fee=fee,
        net=gross - fee,
        source_reference=named.get("id") or (source if isinstance(source, str) else None),
        payment_reference=_name(named.get("payment_intent")),
        happened_at=_time(entry.get("created")),
    )


def object_of(event: Document) -> str | None:
    """The payment, page, dispute or payout that an event is about."""
    thing: Document = (event.get("data") or {}).get("object") or {}
    kind = str(event.get("type", ""))
    if kind.startswith("charge.dispute") or thing.get("object") in (
        "payment_intent",
        "checkout.session",
        "payout",
        "dispute",
    ):
        return _name(thing.get("id"))
    return _name(thing.get("payment_intent"))


def _received(intent: Document, charge: Any) -> int:
    """What was taken; a stand-in for Stripe may say it on the charge alone."""
    if "amount_received" in intent:
        return int(intent["amount_received"])
    is_taken = isinstance(charge, Mapping) and charge.get("captured")
    return int(charge.get("amount_captured", charge["amount"])) if is_taken else 0


def _captures(charge: Any, captured: Decimal) -> tuple[RemoteEntry, ...]:
    if not captured:
        return ()
    name = charge["id"] if isinstance(charge, Mapping) else str(charge or "captured")
    return (RemoteEntry(name, captured, "done"),)


def _refund(document: Document, currency: str) -> RemoteEntry:
    return RemoteEntry(
        document["id"],
        from_units(document["amount"], currency),
        REFUND_STATES.get(document.get("status") or "succeeded", "pending"),
        (document.get("metadata") or {}).get("key"),
        document.get("failure_reason"),
    )


def _card(charge: Document) -> Document:
    details = charge.get("payment_method_details") or {}
    found: Document = details.get("card") or {}
    return found


def _code(problem: Document) -> str | None:
    found = problem.get("decline_code") or problem.get("code")
    return str(found)[:60] if found else None


def _name(found: Any) -> str | None:
    if isinstance(found, Mapping):
        found = found.get("id")
    return str(found) if found else None


def _time(seconds: int | None) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(seconds, dt.UTC) if seconds else None


def _digits(currency: str) -> int:
    # Stripe takes these two with two digits that must be zero.
    return 2 if currency in ZERO_DECIMAL_AT_STRIPE else minor_units(currency)
