"""What a channel did to an order's money and units, taken over by the engine: the same identity holds as for our own acts."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import db
from portal.orders.book import lock_order, of_order
from portal.orders.changes.order_now import read_order
from portal.orders.changes.plan import plan_change
from portal.orders.changes.proposal import Proposal, RefundWish
from portal.orders.changes.services import change_at_once, whole_cancellation
from portal.orders.models import OrderRefund

OUTSIDE: Final = "outside"
ZERO: Final = Decimal(0)

_refund: Final = OrderRefund.__table__


def refund_outside(order_id: int, external_id: str, amount: Decimal, *, by: Actor) -> Decimal:
    """Somebody else gave money back; gives what could be recorded: never more than came in. What was not owed lowers
    the price."""
    given = min(amount, read_order(lock_order(order_id)).kept)
    if given <= 0:
        return ZERO
    outcome = change_at_once(
        order_id,
        Proposal("refund", refund=RefundWish(given, destination="outside")),
        reason_code=OUTSIDE,
        by=by,
    )
    db.session.execute(
        sa.update(_refund)
        .where(of_order(_refund, order_id), _refund.c.change_n == outcome.n)
        .values(external_id=external_id)
    )
    return given


def cancel_outside(order_id: int, *, by: Actor) -> None:
    """What has not left is cancelled, with its price and, when nothing left, the charges."""
    _change(order_id, whole_cancellation(read_order(lock_order(order_id))), by)


def reopen_outside(order_id: int, *, by: Actor) -> None:
    """What was cancelled stands again, with its price; nothing is promised yet."""
    _change(order_id, Proposal("edit", is_reopened=True), by)


def _change(order_id: int, proposal: Proposal, by: Actor) -> None:
    if not plan_change(read_order(lock_order(order_id)), proposal).is_empty:
        change_at_once(order_id, proposal, reason_code=OUTSIDE, by=by)
