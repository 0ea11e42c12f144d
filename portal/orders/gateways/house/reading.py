"""Documents of the practice gateway in our words."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from portal.orders.gateways.base import (
    RemoteCheckout,
    RemoteDispute,
    RemoteEntry,
    RemotePayment,
    RemotePayout,
    RemotePayoutLine,
)


def payment(document: dict[str, Any]) -> RemotePayment:
    """A payment with everything that was taken and given back of it."""
    card = document.get("card") or {}
    return RemotePayment(
        reference=document["id"],
        state=document["state"],
        amount=Decimal(document["amount"]),
        currency=document["currency"],
        captured=sum((Decimal(each["amount"]) for each in document["captures"]), Decimal(0)),
        captures=tuple(_entry(each) for each in document["captures"]),
        refunds=tuple(_entry(each) for each in document["refunds"]),
        card_brand=card.get("brand"),
        card_last_four=card.get("last_four"),
        authorised_until=_time(document.get("authorised_until")),
        code=document.get("code"),
        key=document.get("key"),
    )


def checkout(document: dict[str, Any]) -> RemoteCheckout:
    """A page on which to pay."""
    is_open = document["state"] == "open"
    return RemoteCheckout(
        document["id"], document["url"] if is_open else None, is_open, document.get("payment")
    )


def dispute(document: dict[str, Any]) -> RemoteDispute:
    """A chargeback."""
    return RemoteDispute(
        reference=document["id"],
        payment_reference=document["payment"],
        state=document["state"],
        reason=document["reason"],
        amount=Decimal(document["amount"]),
        fee=Decimal(document["fee"]),
        currency=document["currency"],
        opened_at=_required_time(document["opened_at"]),
        due_at=_time(document.get("due_at")),
        closed_at=_time(document.get("closed_at")),
        told_at=_time(document.get("changed_at")),
        evidence_key=document.get("evidence_key"),
    )


def payout(document: dict[str, Any]) -> RemotePayout:
    """Money sent to the bank."""
    return RemotePayout(
        document["id"],
        document["state"],
        Decimal(document["amount"]),
        document["currency"],
        dt.date.fromisoformat(document["paid_on"]),
        _required_time(document["created_at"]),
    )


def payout_line(document: dict[str, Any]) -> RemotePayoutLine:
    """One movement inside a payout."""
    return RemotePayoutLine(
        reference=document["id"],
        kind=document["kind"],
        gross=Decimal(document["gross"]),
        fee=Decimal(document["fee"]),
        net=Decimal(document["net"]),
        source_reference=document.get("source"),
        payment_reference=document.get("payment"),
        happened_at=_time(document.get("at")),
    )


def _entry(document: dict[str, Any]) -> RemoteEntry:
    return RemoteEntry(
        document["id"],
        Decimal(document["amount"]),
        document["state"],
        document.get("key"),
        document.get("code"),
    )


def _time(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _required_time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
