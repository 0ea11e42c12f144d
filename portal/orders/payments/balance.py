"""What the money of an order adds up to, and the one place that writes it on the head."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import db
from portal.orders.book import change_order, of_order
from portal.orders.models import OrderPayment, OrderRefund

ZERO: Final = Decimal(0)

_payment: Final = OrderPayment.__table__
_refund: Final = OrderRefund.__table__


def payment_state_of(due: Decimal, captured: Decimal, refunded: Decimal, *, is_authorised: bool) -> str:
    """The payment state of an order that costs *due* now; ``is_authorised`` when money is set aside for it."""
    if refunded > 0:
        return "refunded" if refunded >= captured else "part_refunded"
    if captured >= due:
        return "paid"
    if captured > 0:
        return "part_paid"
    return "authorised" if is_authorised else "unpaid"


def move_money(
    order_id: int, head: sa.RowMapping, *, captured: Decimal = ZERO, refunded: Decimal = ZERO, **values: Any
) -> None:
    """Add to what came in and what went back, and write the state that follows; the order is locked by the caller.

    Args:
        head: the row that ``lock_order`` gave in this transaction.
        captured: what came in just now; negative takes back an entry that turned out not to have happened.
        refunded: what went back just now, likewise.
        values: other columns of the head to write with it.
    """
    taken, given = head["captured_total"] + captured, head["refunded_total"] + refunded
    state = payment_state_of(head["due_total"], taken, given, is_authorised=has_money_aside(order_id))
    change_order(order_id, captured_total=taken, refunded_total=given, payment_state=state, **values)


def has_money_aside(order_id: int) -> bool:
    """Whether a payment of the order is authorised and not taken yet."""
    found = sa.select(_payment.c.n).where(of_order(_payment, order_id), _payment.c.state == "authorised")
    return db.session.execute(found.limit(1)).first() is not None


def still_to_ask(order_id: int, head: sa.RowMapping) -> Decimal:
    """What the buyer owes and no payment has set aside: the most that another payment may be asked for."""
    aside = sa.select(sa.func.coalesce(sa.func.sum(_payment.c.amount - _payment.c.captured_amount), 0)).where(
        of_order(_payment, order_id), _payment.c.state == "authorised"
    )
    owed = Decimal(-head["credit_total"])
    return max(owed - Decimal(db.session.execute(aside).scalar_one()), ZERO)


def refunds_under_way(order_id: int) -> Decimal:
    """What was asked to be given back and is not answered yet."""
    asked = sa.select(sa.func.coalesce(sa.func.sum(_refund.c.amount), 0)).where(
        of_order(_refund, order_id), _refund.c.state == "pending"
    )
    return Decimal(db.session.execute(asked).scalar_one())
