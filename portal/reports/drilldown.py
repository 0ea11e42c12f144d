"""The orders and refunds behind a figure of a report, read from the order book, and whether they sum to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.ids import floor_at
from portal.orders.models import Order, OrderLine, OrderRefund, OrderRefundLine
from portal.reports.periods import Period
from portal.reports.queries import ZERO, Sums
from portal.reports.rollups import merchant_zone

PAGE: Final = 50

_order, _line, _refund, _refund_line, _variant = (
    model.__table__ for model in (Order, OrderLine, OrderRefund, OrderRefundLine, Variant)
)


@dataclass(frozen=True, slots=True)
class Part:
    """One order or refund of a figure."""

    order_id: int
    number: str
    at: dt.datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Parts:
    """A page of the orders, the newest refunds, and the sums over all of them."""

    sums: Sums
    orders: Sequence[Part]
    refunds: Sequence[Part]
    next_order_id: int | None


def parts_of(dimension: str, key: str, period: Period, currency: str, *, before: int | None = None) -> Parts:
    """What a figure is made of.

    Args:
        dimension, key: the row of the report; ``day`` takes the period alone.
        before: show the orders below this id, for the next page.

    Raises:
        DomainError: the key names no row such a report can have.
    """
    zone = merchant_zone()
    begin = dt.datetime.combine(period.first, dt.time(), zone)
    finish = dt.datetime.combine(period.last + dt.timedelta(days=1), dt.time(), zone)
    sold = _sold(dimension, key, currency, begin, finish)
    refunded = _refunded(dimension, key, currency, begin, finish)
    count, units, gross = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(sold.c.units), 0),
            sa.func.coalesce(sa.func.sum(sold.c.amount), 0),
        )
    ).one()
    given_back = db.session.execute(
        sa.select(sa.func.coalesce(sa.func.sum(refunded.c.amount), ZERO))
    ).scalar_one()
    page = sa.select(sold).order_by(sold.c.order_id.desc()).limit(PAGE + 1)
    rows = db.session.execute(page.where(sold.c.order_id < before) if before else page).all()
    refunds = db.session.execute(sa.select(refunded).order_by(refunded.c.at.desc()).limit(PAGE)).all()
    return Parts(
        Sums(int(count), int(units), gross, given_back),
        [_part(row) for row in rows[:PAGE]],
        [_part(row) for row in refunds],
        rows[PAGE - 1].order_id if len(rows) > PAGE else None,
    )


def _sold(dimension: str, key: str, currency: str, begin: dt.datetime, finish: dt.datetime) -> sa.Subquery:
    inside = (
        _order.c.merchant_id == current_merchant_id(),
        _order.c.id >= floor_at(begin),
        _order.c.id < floor_at(finish),
        _order.c.currency == currency,
        _order.c.state != "cancelled",
        *_of(dimension, key),
    )
    head = (_order.c.id.label("order_id"), _order.c.number, _order.c.placed_at.label("at"))
    if dimension != "product":
        return (
            sa.select(*head, _order.c.total.label("amount"), _order.c.unit_count.label("units"))
            .where(*inside)
            .subquery("sold")
        )
    return (
        sa.select(
            *head,
            sa.func.sum(_line.c.line_total).label("amount"),
            sa.func.sum(_line.c.quantity).label("units"),
        )
        .join_from(
            _order,
            _line,
            sa.and_(_line.c.merchant_id == _order.c.merchant_id, _line.c.order_id == _order.c.id),
        )
        .where(
            *inside,
            _line.c.order_id >= floor_at(begin),
            _line.c.order_id < floor_at(finish),
            _is_of_product(key),
        )
        .group_by(*head)
        .subquery("sold")
    )


def _refunded(
    dimension: str, key: str, currency: str, begin: dt.datetime, finish: dt.datetime
) -> sa.Subquery:
    joined = _refund.join(
        _order, sa.and_(_order.c.merchant_id == _refund.c.merchant_id, _order.c.id == _refund.c.order_id)
    )
    inside = (
        _refund.c.merchant_id == current_merchant_id(),
        _refund.c.state == "done",
        _refund.c.at >= begin,
        _refund.c.at < finish,
        _order.c.currency == currency,
        _order.c.state != "cancelled",
        *_of(dimension, key),
    )
    head = (_refund.c.order_id, _order.c.number, _refund.c.at)
    if dimension != "product":
        return sa.select(*head, _refund.c.amount).select_from(joined).where(*inside).subquery("refunded")
    joined = joined.join(
        _refund_line,
        sa.and_(
            _refund_line.c.merchant_id == _refund.c.merchant_id,
            _refund_line.c.order_id == _refund.c.order_id,
            _refund_line.c.refund_n == _refund.c.n,
        ),
    ).join(
        _line,
        sa.and_(
            _line.c.merchant_id == _refund_line.c.merchant_id,
            _line.c.order_id == _refund_line.c.order_id,
            _line.c.n == _refund_line.c.line_n,
        ),
    )
    return (
        sa.select(*head, _refund_line.c.amount)
        .select_from(joined)
        .where(*inside, _is_of_product(key))
        .subquery("refunded")
    )


def _of(dimension: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    match dimension:
        case "country":
            return (sa.func.coalesce(_order.c.country_code, "") == key.replace("\0", ""),)
        case "channel":
            return (_order.c.channel_id == _number(key),)
    return ()


def _is_of_product(key: str) -> sa.ColumnElement[bool]:
    product_id = _number(key)
    if product_id == 0:
        return _line.c.variant_id.is_(None)
    return _line.c.variant_id.in_(
        sa.select(_variant.c.id).where(
            _variant.c.merchant_id == current_merchant_id(), _variant.c.product_id == product_id
        )
    )


def _number(key: str) -> int:
    if not key.isascii() or not key.isdecimal() or len(key) > 18:
        raise DomainError("This row of the report does not exist any more. Open the report again.")
    return int(key)


def _part(row: Any) -> Part:
    return Part(row.order_id, row.number, row.at, row.amount)
