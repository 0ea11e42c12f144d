"""A return in every state it can be in, and what else a support agent changes: done by the services, as staff would."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from deploy.demo.orders import Desk, units_sent
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.orders.changes.proposal import RefundWish
from portal.orders.models import OrderReturn
from portal.orders.returns import services as returns

STATES: Final = (
    "requested",
    "requested",
    "approved",
    "on_the_way",
    "received",
    "inspected",
    "refunded",
    "refunded",
    "rejected",
)
REASONS: Final = ("damaged", "does_not_fit", "changed_mind", "not_as_described", "changed_mind")
WAY: Final = ("approved", "on_the_way", "received", "inspected", "refunded")


def take_back(order_ids: Sequence[int], desk: Desk) -> None:
    """One return for each order, one state after another, committed."""
    for place, (order_id, state) in enumerate(zip(order_ids, STATES, strict=False)):
        line_n = next(iter(units_sent(order_id)))
        _one(order_id, line_n, state, REASONS[place % len(REASONS)], desk)
        db.session.commit()


def _one(order_id: int, line_n: int, state: str, reason: str, desk: Desk) -> None:
    n = returns.request_return(order_id, {line_n: 1}, kind="return", reason_code=reason, by=desk.support)
    steps = WAY[: WAY.index(state) + 1] if state in WAY else ()
    if "approved" in steps:
        returns.approve_return(order_id, n, by=desk.support)
    if "on_the_way" in steps:
        returns.mark_sent_back(order_id, n, tracking_number=None, has_proof=False, by=desk.support)
    if "received" in steps:
        returns.receive(order_id, n, {line_n: 1}, location_id=None, by=desk.warehouse)
    if "inspected" in steps:
        returns.inspect(order_id, n, {line_n: {"sale": 1}}, by=desk.warehouse)
    if "refunded" in steps:
        returns.settle_return(order_id, n, refund=RefundWish(), by=desk.support)
    if state == "rejected":
        returns.reject(order_id, n, by=desk.support)
    _set_back(order_id, n)


def _set_back(order_id: int, n: int) -> None:
    """It was asked for two days ago."""
    table = OrderReturn.__table__
    db.session.execute(
        sa.update(table)
        .where(table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id, table.c.n == n)
        .values(requested_at=utc_now() - dt.timedelta(days=2))
    )
