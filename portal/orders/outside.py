"""What happened to an order outside: a shop took the money, sent the parcel, gave money back or cancelled.

We record it, we did not do it. Every function locks the order first and does nothing when the order already stands
so, thus the same news twice is one change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.orders.allocation import promise_lines, take_units
from portal.orders.book import (
    change_order,
    insert_row,
    lines_of,
    lock_order,
    next_n,
    of_order,
    tell,
)
from portal.orders.changes.news import cancel_outside, refund_outside, reopen_outside
from portal.orders.models import (
    Order,
    OrderFulfilment,
    OrderFulfilmentLine,
    OrderLine,
    OrderPayment,
    OrderRefund,
)
from portal.orders.payments.balance import move_money

ZERO: Final = Decimal(0)

# How the reasons begin that we hold an order for; only such a hold is ended by us, never one that a person set.
NOT_IN_CATALOGUE: Final = "Not in the catalogue"
NOT_ENOUGH: Final = "Not enough stock"
SENT_UNCOVERED: Final = "Sent by the shop, but not in stock here"
AMOUNTS_DIFFER: Final = "The shop's amounts differ"
OWN_HOLDS: Final = (NOT_IN_CATALOGUE, NOT_ENOUGH, SENT_UNCOVERED, AMOUNTS_DIFFER)

_order: Final = Order.__table__
_line: Final = OrderLine.__table__
_payment: Final = OrderPayment.__table__
_refund: Final = OrderRefund.__table__
_fulfilment: Final = OrderFulfilment.__table__


def record_payment(
    order_id: int, *, method: str, gateway: str, reference: str | None, at: dt.datetime | None, by: Actor
) -> bool:
    """The rest of the order was paid outside; gives whether that was news."""
    head = lock_order(order_id)
    missing = -head["credit_total"]
    if missing <= 0 or head["state"] == "cancelled":
        return False
    insert_row(
        _payment,
        order_id,
        n=next_n(_payment, order_id),
        state="captured",
        method=method,
        gateway=gateway,
        gateway_reference=reference,
        amount=missing,
        captured_amount=missing,
        currency=head["currency"],
        at=at or utc_now(),
    )
    move_money(order_id, head, captured=missing)
    tell(order_id, "paid", by, amount=str(missing), currency=head["currency"])
    return True


def record_refund(order_id: int, external_id: str, amount: Decimal, *, by: Actor) -> Decimal:
    """Money was given back outside. Gives what could be recorded: never more than was captured, and nothing twice."""
    lock_order(order_id)
    known = db.session.execute(
        sa.select(_refund.c.n).where(of_order(_refund, order_id), _refund.c.external_id == external_id)
    ).first()
    return amount if known is not None else refund_outside(order_id, external_id, amount, by=by)


def record_cancellation(order_id: int, *, unless_sent: bool = False, by: Actor) -> bool:
    """The order was cancelled outside: what has not left goes back on sale; gives whether that was news.

    With *unless_sent* an order that left whole stays as it is: goods come back by a return, not by a refund.
    """
    head = lock_order(order_id)
    if head["state"] == "cancelled" or (
        unless_sent and head["fulfilment_state"] in {"fulfilled", "returned"}
    ):
        return False
    cancel_outside(order_id, by=by)
    if lock_order(order_id)["state"] == "cancelled":
        return True
    left = any(line["fulfilled_quantity"] for line in lines_of(order_id))
    change_order(
        order_id,
        state="cancelled",
        hold_reason=None,
        closed_at=utc_now(),
        fulfilment_state="fulfilled" if left else "none",
    )
    tell(order_id, "cancelled", by)
    return True


def record_reopening(order_id: int, *, by: Actor) -> Sequence[str]:
    """A cancelled order goes on after all. Its units are promised again; gives the SKUs of which there are too few."""
    head = lock_order(order_id)
    if head["state"] != "cancelled":
        return []
    reopen_outside(order_id, by=by)
    short = promise_lines(order_id, by)
    lines = lines_of(order_id)
    is_sent = all(line["fulfilled_quantity"] >= line["quantity"] for line in lines)
    is_begun = any(line["fulfilled_quantity"] for line in lines)
    change_order(
        order_id,
        state="on_hold" if short else "closed" if is_sent else "open",
        closed_at=utc_now() if is_sent and not short else None,
        hold_reason=f"{NOT_ENOUGH}: {', '.join(short)}" if short else None,
        fulfilment_state="fulfilled" if is_sent else "part_fulfilled" if is_begun else "unfulfilled",
    )
    tell(order_id, "reopened", by, **({"hold_reason": f"{NOT_ENOUGH}: {', '.join(short)}"} if short else {}))
    return short


def record_completion(order_id: int, *, by: Actor) -> Sequence[str]:
    """Everything left by the outside. Gives the SKUs that left although we had promised none: their stock is wrong."""
    head = lock_order(order_id)
    if head["state"] == "cancelled" or head["fulfilment_state"] == "fulfilled":
        return []
    rest = [
        line
        for line in lines_of(order_id)
        if line["quantity"] - line["cancelled_quantity"] > line["fulfilled_quantity"]
    ]
    uncovered = sorted(
        {line["sku"] for line in rest if line["is_counted"] and line["allocated_quantity"] < _left(line)}
    )
    if rest:
        _send(order_id, rest, head["delivery"], by)
    reason = f"{SENT_UNCOVERED}: {', '.join(uncovered)}" if uncovered else None
    change_order(
        order_id,
        fulfilment_state="fulfilled",
        state="on_hold" if reason else "closed",
        hold_reason=reason,
        closed_at=None if reason else utc_now(),
    )
    tell(order_id, "fulfilled", by, **({"hold_reason": reason} if reason else {}))
    return uncovered


def name_line(order_id: int, sku: str, variant_id: int) -> None:
    """A line whose SKU we did not know turns out to be a variant of ours."""
    db.session.execute(
        sa.update(_line)
        .where(of_order(_line, order_id), _line.c.sku == sku, _line.c.variant_id.is_(None))
        .values(variant_id=variant_id)
    )


def release_hold(order_id: int, *, by: Actor) -> Sequence[str]:
    """What we kept the order back for is settled: promise what is not promised yet; gives the SKUs still short."""
    head = lock_order(order_id)
    if head["state"] != "on_hold" or not (head["hold_reason"] or "").startswith(OWN_HOLDS):
        return []
    short = promise_lines(order_id, by)
    reason = f"{NOT_ENOUGH}: {', '.join(short)}" if short else None
    sent = head["fulfilment_state"] == "fulfilled"
    change_order(order_id, state="on_hold" if short else "closed" if sent else "open", hold_reason=reason)
    tell(order_id, "hold_changed" if short else "released", by, **({"hold_reason": reason} if reason else {}))
    return short


def _send(order_id: int, rest: Sequence[sa.RowMapping], delivery: str, by: Actor) -> None:
    n = next_n(_fulfilment, order_id)
    now = utc_now()
    left: dict[str, Any] = (
        {"state": "collected", "method": "collect", "delivered_at": now}
        if delivery == "collect"
        else {"state": "shipped", "method": "ship", "carrier": "Sent by the shop"}
    )
    insert_row(
        _fulfilment,
        order_id,
        n=n,
        location_id=next((line["location_id"] for line in rest if line["location_id"]), None),
        created_at=now,
        shipped_at=now,
        **left,
    )
    for line in rest:
        insert_row(
            OrderFulfilmentLine.__table__, order_id, fulfilment_n=n, line_n=line["n"], quantity=_left(line)
        )
    promised = {line["n"]: min(line["allocated_quantity"], _left(line)) for line in rest}
    take_units(order_id, {line_n: units for line_n, units in promised.items() if units}, by=by)
    db.session.execute(
        sa.update(_line)
        .where(of_order(_line, order_id), _line.c.quantity > 0)
        .values(fulfilled_quantity=_line.c.quantity - _line.c.cancelled_quantity)
    )


def _left(line: sa.RowMapping) -> int:
    return int(line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"])
