"""A return in every state it can be in. There is no screen for returns yet, so their rows are written here, with the stock and
the money moved by the services."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from deploy.demo.orders import Desk, units_sent
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.orders.book import insert_row, tell
from portal.orders.models import OrderLine, OrderReturn, OrderReturnLine
from portal.orders.outside import record_refund
from portal.stock.services import Move, apply_moves

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
REASONS: Final = ("Arrived broken", "Does not fit", "Ordered twice", "Not as pictured", "Changed my mind")
BACK: Final = {"received", "inspected", "refunded"}


def take_back(order_ids: Sequence[int], desk: Desk) -> None:
    """One return for each order, one state after another, committed."""
    for place, (order_id, state) in enumerate(zip(order_ids, STATES, strict=False)):
        line_n = next(iter(units_sent(order_id)))
        _one(order_id, line_n, state, REASONS[place % len(REASONS)], desk)
        db.session.commit()


def _one(order_id: int, line_n: int, state: str, reason: str, desk: Desk) -> None:
    asked = utc_now() - dt.timedelta(days=2)
    is_back, is_closed = state in BACK, state in {"refunded", "rejected"}
    insert_row(
        OrderReturn.__table__, order_id, n=1, state=state, reason=reason, requested_at=asked,
        received_at=asked + dt.timedelta(days=1) if is_back else None, closed_at=utc_now() if is_closed else None,
    )  # fmt: skip
    restocked = 1 if state in {"inspected", "refunded"} else 0
    insert_row(
        OrderReturnLine.__table__,
        order_id,
        return_n=1,
        line_n=line_n,
        quantity=1,
        received_quantity=1 if is_back else 0,
        restocked_quantity=restocked,
    )
    tell(order_id, "return_requested", desk.support, units="1")
    if is_back:
        tell(order_id, "return_received", desk.warehouse, units="1")
        _count_back(order_id, line_n, restocked, desk.warehouse)
    if state == "refunded":
        record_refund(order_id, f"return-{order_id}", _price(order_id, line_n), by=desk.support)
    if state == "rejected":
        tell(order_id, "return_rejected", desk.support)


def _count_back(order_id: int, line_n: int, restocked: int, by: Actor) -> None:
    line = OrderLine.__table__
    mine = sa.and_(
        line.c.merchant_id == current_merchant_id(), line.c.order_id == order_id, line.c.n == line_n
    )
    db.session.execute(sa.update(line).where(mine).values(returned_quantity=1))
    row = db.session.execute(sa.select(line.c.variant_id, line.c.location_id).where(mine)).one()
    if restocked:
        apply_moves(
            [
                Move(
                    row.variant_id,
                    row.location_id,
                    "returned",
                    on_hand=1,
                    cause_kind="order",
                    cause_id=order_id,
                )
            ],
            by=by,
        )


def _price(order_id: int, line_n: int) -> Decimal:
    line = OrderLine.__table__
    mine = sa.and_(
        line.c.merchant_id == current_merchant_id(), line.c.order_id == order_id, line.c.n == line_n
    )
    return Decimal(db.session.execute(sa.select(line.c.unit_price).where(mine)).scalar_one()).quantize(
        Decimal("0.01")
    )
