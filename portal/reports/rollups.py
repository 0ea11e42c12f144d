"""Bring the rollups of given days up to the order book.

Accounting rule, said on every report: a sale counts on the day it was placed, a refund on the day it was given back;
cancelled orders and their refunds are left out. Days are days of the merchant's time zone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.core.database import current_merchant_id, db
from portal.core.ids import floor_at, time_of
from portal.core.outbox import Event, consumer

NAME: Final = "sales"
ORDER_KINDS: Final = (
    "order.placed",
    "order.changed",
    "order.cancelled",
    "order.completed",
    "order.refunded",
    "order.updated",
    "orders.imported",
    "orders.import_undone",
)
# A refund may belong to an order of any month, so the days it touches are read from the refund, not from the order.
_REFUND_DAYS: Final = sa.text("""
    SELECT DISTINCT (r.at AT TIME ZONE :zone)::date FROM order_refund AS r
    WHERE r.merchant_id = :merchant AND r.order_id = ANY(:orders)""")

_CLEAR: Final = tuple(
    sa.text(f"DELETE FROM {table} AS t WHERE t.merchant_id = :merchant AND t.day = ANY(:days)")
    for table in ("sales_day", "sales_variant_day")
)

_FILL_DAYS: Final = sa.text("""
    INSERT INTO sales_day (merchant_id, day, currency, channel_id, country_code, orders, units, gross, tax, refunds, refunded)
    SELECT :merchant, day, currency, channel_id, country, sum(orders), sum(units), sum(gross), sum(tax), sum(refunds), sum(refunded)
    FROM (
        SELECT (o.placed_at AT TIME ZONE :zone)::date AS day, o.currency, o.channel_id, coalesce(o.country_code, '') AS country,
               1 AS orders, o.unit_count AS units, o.total AS gross, o.tax_total AS tax, 0 AS refunds, 0::numeric AS refunded
        FROM sales_order AS o
        WHERE o.merchant_id = :merchant AND o.id >= :lower AND o.id < :upper AND o.state <> 'cancelled'
        UNION ALL
        SELECT (r.at AT TIME ZONE :zone)::date, o.currency, o.channel_id, coalesce(o.country_code, ''), 0, 0, 0, 0, 1, r.amount
        FROM order_refund AS r
        JOIN sales_order AS o ON o.merchant_id = r.merchant_id AND o.id = r.order_id
        WHERE r.merchant_id = :merchant AND r.state = 'done' AND r.at >= :begin AND r.at < :finish AND o.merchant_id = :merchant AND o.state <> 'cancelled'
    ) AS movements
    WHERE day = ANY(:days)
    GROUP BY day, currency, channel_id, country""")

_FILL_VARIANTS: Final = sa.text("""
    INSERT INTO sales_variant_day (merchant_id, day, currency, variant_id, orders, units, gross, refunds, refunded)
    SELECT :merchant, day, currency, variant_id, sum(orders), sum(units), sum(gross), sum(refunds), sum(refunded)
    FROM (
        SELECT (o.placed_at AT TIME ZONE :zone)::date AS day, o.currency, coalesce(l.variant_id, 0) AS variant_id,
               count(DISTINCT o.id) AS orders, sum(l.quantity) AS units, sum(l.line_total) AS gross, 0 AS refunds, 0::numeric AS refunded
        FROM sales_order AS o
        JOIN order_line AS l ON l.merchant_id = o.merchant_id AND l.order_id = o.id
        WHERE o.merchant_id = :merchant AND o.id >= :lower AND o.id < :upper AND o.state <> 'cancelled'
          AND l.merchant_id = :merchant AND l.order_id >= :lower AND l.order_id < :upper
        GROUP BY 1, 2, 3
        UNION ALL
        SELECT (r.at AT TIME ZONE :zone)::date, o.currency, coalesce(l.variant_id, 0), 0, 0, 0, count(*), sum(x.amount)
        FROM order_refund AS r
        JOIN sales_order AS o ON o.merchant_id = r.merchant_id AND o.id = r.order_id
        JOIN order_refund_line AS x ON x.merchant_id = r.merchant_id AND x.order_id = r.order_id AND x.refund_n = r.n
        JOIN order_line AS l ON l.merchant_id = x.merchant_id AND l.order_id = x.order_id AND l.n = x.line_n
        WHERE r.merchant_id = :merchant AND r.state = 'done' AND r.at >= :begin AND r.at < :finish AND o.merchant_id = :merchant AND o.state <> 'cancelled'
        GROUP BY 1, 2, 3
    ) AS movements
    WHERE day = ANY(:days)
    GROUP BY day, currency, variant_id""")

_STAMP: Final = sa.text("""
    INSERT INTO rollup_state (merchant_id, name) VALUES (:merchant, :name)
    ON CONFLICT (merchant_id, name) DO UPDATE SET refreshed_at = now()""")


@consumer("sales-rollups", kinds=ORDER_KINDS)
def follow_orders(events: Sequence[Event]) -> None:
    """Refresh the days that these orders and their refunds fall on."""
    order_ids: set[int] = set()
    days: set[dt.date] = set()
    for event in events:
        order_ids.update(event.payload.get("order_ids", ()))
        if "order_id" in event.payload:
            order_ids.add(event.payload["order_id"])
        # An import that was taken back names the days of its refunds, which cannot be read any more.
        days.update(map(dt.date.fromisoformat, event.payload.get("days", ())))
    if order_ids or days:
        refresh_days(days | days_of(order_ids))


def days_of(order_ids: Iterable[int]) -> set[dt.date]:
    """The days on which these orders were placed or refunded; the id carries the time of placement."""
    ids, zone = list(order_ids), merchant_zone()
    days = {time_of(order_id).astimezone(zone).date() for order_id in ids}
    refunded = db.session.execute(
        _REFUND_DAYS, {"merchant": current_merchant_id(), "orders": ids, "zone": zone.key}
    )
    return days | set(refunded.scalars())


def refresh_days(days: Iterable[dt.date]) -> None:
    """Recompute the rollups of *days* from the order book, in the caller's transaction. Safe to repeat."""
    # First the stamp: its row lock lets one refresh of the merchant run at a time.
    db.session.execute(_STAMP, {"merchant": current_merchant_id(), "name": NAME})
    zone = merchant_zone()
    for span in _spans(sorted(set(days))):
        begin = dt.datetime.combine(span[0], dt.time(), zone)
        finish = dt.datetime.combine(span[-1] + dt.timedelta(days=1), dt.time(), zone)
        values = {
            "merchant": current_merchant_id(),
            "zone": zone.key,
            "days": span,
            "begin": begin,
            "finish": finish,
            "lower": floor_at(begin),
            "upper": floor_at(finish),
        }
        for statement in (*_CLEAR, _FILL_DAYS, _FILL_VARIANTS):
            db.session.execute(statement, values)


def merchant_zone() -> ZoneInfo:
    """The zone whose midnights part the merchant's days."""
    merchant = db.session.get_one(Merchant, current_merchant_id())
    return ZoneInfo(merchant.time_zone)


def _spans(days: Sequence[dt.date], longest: int = 31) -> Iterator[list[dt.date]]:
    span: list[dt.date] = []
    for day in days:
        if span and (day - span[-1] > dt.timedelta(days=1) or len(span) == longest):
            yield span
            span = []
        span.append(day)
    if span:
        yield span
