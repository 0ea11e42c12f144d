"""Bring a payment of ours to where the gateway says it stands. Order and repetition of news do not matter: what is
compared is two states, and only a difference moves money.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core import outbox
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.orders.book import insert_row, lock_order, next_n, tell
from portal.orders.gateways.base import GatewayError, RemoteEntry, RemotePayment
from portal.orders.models import OrderPayment, OrderRefund
from portal.orders.payments import rows
from portal.orders.payments.balance import ZERO, move_money

_payment: Final = OrderPayment.__table__
_refund: Final = OrderRefund.__table__

SETTLED: Final = {"captured", "failed", "voided"}


class CurrencyDiffersError(GatewayError):
    """The gateway's payment is in another currency than ours: nothing of it is believed."""

    def __init__(self) -> None:
        super().__init__(
            "refused", "The gateway's payment is in another currency than the order's.", code="currency"
        )


@dataclass(slots=True)
class Moved:
    """What a comparison changed: sums that came in and went back, and whether anything did."""

    captured: Decimal = ZERO
    refunded: Decimal = ZERO
    is_changed: bool = False


def settle(order_id: int, payment_n: int, remote: RemotePayment, *, by: Actor) -> Moved:
    """Take over how the gateway says the payment stands, with totals and state of the order, in this transaction.

    Raises:
        CurrencyDiffersError: it is another payment than ours.
    """
    head = lock_order(order_id)
    payment = rows.payment_of(order_id, payment_n)
    if remote.currency != payment["currency"]:
        raise CurrencyDiffersError
    moved = Moved(captured=max(remote.captured - payment["captured_amount"], ZERO))
    news: list[tuple[str, Decimal]] = [("paid", moved.captured)] if moved.captured else []
    news += _settle_attempts(order_id, payment, remote, moved)
    news += _settle_refunds(order_id, head, payment, remote, moved, by)
    changes = _columns(order_id, payment, remote, moved)
    if changes:
        rows.change_payment(order_id, payment_n, **changes)
        moved.is_changed = True
    if moved.captured:
        rows.use_up_link(order_id, payment_n)
    news += _state_news(payment, changes)
    if moved.captured or moved.refunded or "state" in changes:
        move_money(order_id, head, captured=moved.captured, refunded=moved.refunded)
    for what, amount in news:
        tell(order_id, what, by, amount=str(amount), currency=payment["currency"])
    return moved


def fail_attempt(attempt: sa.RowMapping, code: str, *, by: Actor) -> None:
    """The gateway refused: what was set apart for the attempt is free again, and people hear of it."""
    order_id, payment_n = attempt["order_id"], attempt["payment_n"]
    head = lock_order(order_id)
    if not rows.change_attempt(order_id, attempt["n"], state="failed", code=code, settled_at=utc_now()):
        return
    payment = rows.payment_of(order_id, payment_n)
    match attempt["action"]:
        case "authorise":
            rows.change_payment(order_id, payment_n, state="failed", failure_code=code, gateway_token=None)
            move_money(order_id, head)
            what = "payment_failed"
        case "capture":
            rows.change_payment(
                order_id, payment_n, capture_pending=_open_sum(order_id, payment_n, "capture")
            )
            move_money(order_id, head)
            what = "capture_failed"
        case "refund":
            _fail_refund(order_id, attempt["refund_n"], code)
            rows.change_payment(order_id, payment_n, refund_pending=_refund_sum(order_id, payment_n))
            move_money(order_id, head)
            what = "refund_failed"
        case action:
            what = f"{action}_failed"
    tell(order_id, what, by, amount=str(attempt["amount"]), currency=payment["currency"])


def _settle_attempts(
    order_id: int, payment: sa.RowMapping, remote: RemotePayment, moved: Moved
) -> list[tuple[str, Decimal]]:
    news: list[tuple[str, Decimal]] = []
    for attempt in rows.open_attempts(order_id, payment["n"]):
        end = _end_of(attempt, payment, remote)
        if end is None:
            continue
        state, code, reference = end
        rows.change_attempt(
            order_id, attempt["n"], state=state, code=code, reference=reference, settled_at=utc_now()
        )
        moved.is_changed = True
        if state == "failed" and attempt["action"] == "capture":
            news.append(("capture_failed", attempt["amount"]))
    return news


def _end_of(
    attempt: sa.RowMapping, payment: sa.RowMapping, remote: RemotePayment
) -> tuple[str, str | None, str | None] | None:
    """State, code and reference an attempt ends with, or None while the gateway shows no sign of it."""
    key = rows.wire_key(attempt["order_id"], attempt["key"])
    match attempt["action"]:
        case "authorise":
            if remote.state in ("authorised", "captured", "voided"):
                return "succeeded", None, remote.reference
            return (
                ("failed", remote.code or "declined", remote.reference) if remote.state == "failed" else None
            )
        case "void":
            return ("succeeded", None, remote.reference) if remote.state in SETTLED else None
        case "capture":
            return _end_of_entry(_entry(remote.captures, key)) or _end_by_sum(attempt, payment, remote)
        case "refund":
            return _end_of_entry(_entry(remote.refunds, key))
    return None


def _end_by_sum(
    attempt: sa.RowMapping, payment: sa.RowMapping, remote: RemotePayment
) -> tuple[str, str | None, str | None] | None:
    """A gateway that takes once and names no key: the sum says whether it was ours."""
    if any(each.key for each in remote.captures) or not remote.captures:
        return None
    if remote.captured >= payment["captured_amount"] + attempt["amount"]:
        return "succeeded", None, remote.captures[-1].reference
    return None


def _end_of_entry(entry: RemoteEntry | None) -> tuple[str, str | None, str | None] | None:
    if entry is None or entry.state == "pending":
        return None
    if entry.state == "failed":
        return "failed", entry.code or "refused", entry.reference
    return "succeeded", None, entry.reference


def _settle_refunds(
    order_id: int, head: sa.RowMapping, payment: sa.RowMapping, remote: RemotePayment, moved: Moved, by: Actor
) -> list[tuple[str, Decimal]]:
    ours = list(rows.refunds_of(order_id, payment["n"]))
    news: list[tuple[str, Decimal]] = []
    for entry in remote.refunds:
        own = _own_refund(ours, entry, order_id)
        if own is None:
            news += _take_in_refund(order_id, head, payment, entry, moved, by)
        elif own["state"] == "pending" and entry.state == "done":
            rows.change_refund(order_id, own["n"], state="done", external_id=entry.reference, at=utc_now())
            moved.refunded += own["amount"]
            news.append(("refunded", own["amount"]))
        elif own["state"] == "pending" and entry.state == "failed":
            _fail_refund(order_id, own["n"], entry.code or "refused")
            news.append(("refund_failed", own["amount"]))
        elif own["state"] == "done" and entry.state == "failed" and own["external_id"] == entry.reference:
            # The bank sent it back after it had been taken for done.
            _fail_refund(order_id, own["n"], entry.code or "returned_by_bank")
            moved.refunded -= own["amount"]
            news.append(("refund_failed", own["amount"]))
        else:
            continue
        moved.is_changed = True
    return news


def _own_refund(ours: list[sa.RowMapping], entry: RemoteEntry, order_id: int) -> sa.RowMapping | None:
    for row in ours:
        if row["external_id"] == entry.reference:
            return row
        if row["key"] and entry.key == rows.wire_key(order_id, f"refund:{row['key']}"):
            return row
    return None


def _take_in_refund(
    order_id: int, head: sa.RowMapping, payment: sa.RowMapping, entry: RemoteEntry, moved: Moved, by: Actor
) -> list[tuple[str, Decimal]]:
    """Money given back in the gateway's own screens: it is gone, so it is written down."""
    left = head["captured_total"] + moved.captured - head["refunded_total"] - moved.refunded
    amount = min(entry.amount, left)
    if entry.state != "done" or amount <= 0:
        return []
    insert_row(
        _refund, order_id, n=next_n(_refund, order_id), state="done", payment_n=payment["n"], amount=amount, destination="outside",
        external_id=entry.reference, actor_kind=by.kind, actor_id=by.id, at=utc_now(),
    )  # fmt: skip
    moved.refunded += amount
    return [("refunded", amount)]


def _columns(order_id: int, payment: sa.RowMapping, remote: RemotePayment, moved: Moved) -> dict[str, Any]:
    """What of the payment's row differs now."""
    n = payment["n"]
    refunded = payment["refunded_amount"] + moved.refunded
    wanted: dict[str, Any] = {
        "state": _state(payment, remote),
        "captured_amount": payment["captured_amount"] + moved.captured,
        "amount": max(remote.amount, payment["captured_amount"] + moved.captured),
        "refunded_amount": refunded,
        "capture_pending": _open_sum(order_id, n, "capture"),
        "refund_pending": _refund_sum(order_id, n),
        "gateway_reference": payment["gateway_reference"] or remote.reference,
        "failure_code": remote.code if remote.state == "failed" else None,
        "authorised_until": remote.authorised_until or payment["authorised_until"],
        "card_brand": remote.card_brand or payment["card_brand"],
        "card_last_four": remote.card_last_four or payment["card_last_four"],
    }
    if remote.state != "pending" and payment["gateway_token"] is not None:
        wanted["gateway_token"] = None
    return {name: value for name, value in wanted.items() if payment[name] != value}


def _state(payment: sa.RowMapping, remote: RemotePayment) -> str:
    # A notice that comes late must not take a payment back to where it was before.
    if remote.state == "pending" or (payment["state"] in SETTLED and remote.state == "authorised"):
        return str(payment["state"])
    return remote.state


def _state_news(payment: sa.RowMapping, changes: dict[str, Any]) -> list[tuple[str, Decimal]]:
    match changes.get("state"):
        case "authorised":
            return [("authorised", payment["amount"])]
        case "voided":
            return [("payment_released", payment["amount"] - payment["captured_amount"])]
        case "failed":
            return [("payment_failed", payment["amount"])]
    return []


def _fail_refund(order_id: int, refund_n: int, code: str) -> None:
    rows.change_refund(order_id, refund_n, state="failed", failure_code=code)
    outbox.publish(
        kind="refund.failed", key=f"order:{order_id}", payload={"order_id": order_id, "refund_n": refund_n}
    )


def _entry(entries: tuple[RemoteEntry, ...], key: str) -> RemoteEntry | None:
    return next((each for each in entries if each.key == key), None)


def _open_sum(order_id: int, payment_n: int, action: str) -> Decimal:
    asked = rows.open_attempts(order_id, payment_n)
    return sum((each["amount"] for each in asked if each["action"] == action), ZERO)


def _refund_sum(order_id: int, payment_n: int) -> Decimal:
    return sum(
        (each["amount"] for each in rows.refunds_of(order_id, payment_n) if each["state"] == "pending"), ZERO
    )
