"""Read sales from the rollups: sums by day, product, country or channel, each beside the period before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Product, Variant
from portal.core.database import current_merchant_id, db
from portal.orders.models import SalesChannel
from portal.reports.models import RollupState, SalesDay, SalesVariantDay
from portal.reports.periods import Period
from portal.reports.rollups import NAME

DIMENSIONS: Final = {"day": "Day", "product": "Product", "country": "Country", "channel": "Channel"}
MOST_ROWS: Final = 500
ZERO: Final = Decimal(0)

_day, _variant_day = SalesDay.__table__, SalesVariantDay.__table__
_product, _variant, _channel = Product.__table__, Variant.__table__, SalesChannel.__table__


@dataclass(frozen=True, slots=True)
class Sums:
    """What was sold and given back. Money in one currency."""

    orders: int = 0
    units: int = 0
    gross: Decimal = ZERO
    refunded: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        """Sales less refunds given in the period, whenever the sale was."""
        return self.gross - self.refunded

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.orders + other.orders,
            self.units + other.units,
            self.gross + other.gross,
            self.refunded + other.refunded,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a report: the thing, its sums, and those of the period before."""

    key: str
    label: str
    now: Sums
    before: Sums


def sales(dimension: str, period: Period, currency: str) -> list[Line]:
    """The report, largest sales first; days in their order. At most 500 rows, the largest ones."""
    if dimension == "day":
        return _by_day(period, currency)
    now, before = (_sums(dimension, span, currency) for span in (period, period.previous))
    ranked = sorted(now.keys() | before.keys(), key=lambda key: (-now.get(key, Sums()).gross, key))[
        :MOST_ROWS
    ]
    labels = _labels(dimension, ranked)
    return [Line(key, labels.get(key, key), now.get(key, Sums()), before.get(key, Sums())) for key in ranked]


def totals(period: Period, currency: str) -> Sums:
    """All sales of a period."""
    row = db.session.execute(_select(period, currency)).one()
    return _read(row)


def totals_by_day(period: Period, currency: str) -> list[tuple[dt.date, Sums]]:
    """The sums of every day of the period, also of days without a sale."""
    found = {
        row.day: _read(row)
        for row in db.session.execute(_select(period, currency, _day.c.day).group_by(_day.c.day))
    }
    return [(day, found.get(day, Sums())) for day in period.dates()]


def currencies(period: Period) -> Sequence[str]:
    """The currencies sold in, over the period and the one before."""
    return db.session.scalars(
        sa.select(_day.c.currency)
        .where(
            _day.c.merchant_id == current_merchant_id(),
            _day.c.day.between(period.previous.first, period.last),
        )
        .distinct()
        .order_by(_day.c.currency)
    ).all()


def refreshed_at() -> dt.datetime | None:
    """When the rollups were last brought up to the order book."""
    return db.session.scalar(sa.select(RollupState.refreshed_at).where(RollupState.name == NAME))


def _by_day(period: Period, currency: str) -> list[Line]:
    before = totals_by_day(period.previous, currency)
    return [
        Line(day.isoformat(), day.isoformat(), sums, earlier)
        for (day, sums), (_, earlier) in zip(totals_by_day(period, currency), before, strict=True)
    ]


def _sums(dimension: str, period: Period, currency: str) -> dict[str, Sums]:
    if dimension == "product":
        statement = (
            _select(
                period, currency, sa.func.coalesce(_variant.c.product_id, 0).label("key"), table=_variant_day
            )
            .select_from(
                _variant_day.outerjoin(
                    _variant,
                    sa.and_(
                        _variant.c.merchant_id == _variant_day.c.merchant_id,
                        _variant.c.id == _variant_day.c.variant_id,
                    ),
                )
            )
            .group_by(sa.text("key"))
        )
    else:
        key = _day.c.country_code if dimension == "country" else _day.c.channel_id
        statement = _select(period, currency, key.label("key")).group_by(key)
    return {str(row.key): _read(row) for row in db.session.execute(statement)}


def _select(
    period: Period, currency: str, *keys: sa.ColumnElement[Any], table: sa.Table = _day
) -> sa.Select[Any]:
    sums = (
        sa.func.coalesce(sa.func.sum(table.c[name]), 0).label(name)
        for name in ("orders", "units", "gross", "refunded")
    )
    return sa.select(*keys, *sums).where(
        table.c.merchant_id == current_merchant_id(),
        table.c.day.between(period.first, period.last),
        table.c.currency == currency,
    )


def _read(row: Any) -> Sums:
    return Sums(int(row.orders), int(row.units), row.gross, row.refunded)


def _labels(dimension: str, keys: Sequence[str]) -> dict[str, str]:
    if dimension == "country":
        return {"": "Not known"}
    table, name = (_product, _product.c.title) if dimension == "product" else (_channel, _channel.c.name)
    ids = [int(key) for key in keys]
    rows = db.session.execute(
        sa.select(table.c.id, name.label("name")).where(
            table.c.merchant_id == current_merchant_id(), table.c.id.in_(ids)
        )
    )
    return {"0": "Not in the catalogue"} | {str(row.id): row.name for row in rows}
