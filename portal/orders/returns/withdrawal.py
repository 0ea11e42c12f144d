"""The time in which a consumer may withdraw, and the time in which the money must be back (Directive 2011/83/EU).

The first runs from the day the last parcel arrived, the second from the day the buyer said so; a period that would end on a
Saturday or Sunday ends on the Monday after (Regulation 1182/71). Until the goods are here, or the buyer proved that they
were sent, the refund may wait.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.core.database import current_merchant_id, db
from portal.orders.book import of_order
from portal.orders.changes.limits import Rules, rules
from portal.orders.models import OrderFulfilment, OrderLine

SEND_BACK_DAYS: Final = 14

_parcel, _line = OrderFulfilment.__table__, OrderLine.__table__


@dataclass(frozen=True, slots=True)
class Right:
    """A buyer's right to withdraw from an order; ``until`` is None while nothing has arrived, for no time runs yet."""

    delivered_at: dt.datetime | None
    until: dt.datetime | None

    def holds_at(self, moment: dt.datetime) -> bool:
        return self.until is None or moment <= self.until


def right_of(order_id: int) -> Right:
    """The right to withdraw from this order. The time begins when the last of it has come, so not before it was sent."""
    if db.session.execute(_unsent(order_id)).first() is not None:
        return Right(None, None)
    rows = db.session.execute(
        sa.select(_parcel.c.delivered_at, _parcel.c.state).where(
            of_order(_parcel, order_id), _parcel.c.state.in_(("shipped", "delivered"))
        )
    ).all()
    arrived = [row.delivered_at for row in rows if row.delivered_at is not None]
    if not rows or len(arrived) < len(rows):
        return Right(None, None)
    last = max(arrived)
    return Right(last, end_of_period(last, rules().withdrawal_days, merchant_zone()))


def _unsent(order_id: int) -> sa.Select[Any]:
    return (
        sa.select(_line.c.n)
        .where(
            of_order(_line, order_id),
            _line.c.quantity - _line.c.cancelled_quantity > _line.c.fulfilled_quantity,
        )
        .limit(1)
    )


def refund_due(declared_at: dt.datetime, law: Rules | None = None) -> dt.datetime:
    """By when the money must be back."""
    return end_of_period(declared_at, (law or rules()).refund_days, merchant_zone())


def send_back_by(declared_at: dt.datetime) -> dt.datetime:
    """By when the buyer has to send the goods off (Article 14 of the directive)."""
    return end_of_period(declared_at, SEND_BACK_DAYS, merchant_zone())


def end_of_period(begins: dt.datetime, days: int, zone: ZoneInfo) -> dt.datetime:
    """The last moment of a period of days that begins after the day of *begins*."""
    last = begins.astimezone(zone).date() + dt.timedelta(days=days)
    if last.weekday() > 4:
        last += dt.timedelta(days=7 - last.weekday())
    return dt.datetime.combine(last, dt.time(23, 59, 59), zone)


def merchant_zone() -> ZoneInfo:
    """The zone whose days count."""
    return ZoneInfo(db.session.get_one(Merchant, current_merchant_id()).time_zone)
