"""Read stock: figures of levels, the ledger behind them, and how they stood on past days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.accounts.models import User
from portal.catalog.models import Product, Variant
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.ids import floor_at, time_of
from portal.core.listing import execute
from portal.stock.causes import Cause, causes_of
from portal.stock.models import Location, StockLevel, StockMovement, StockReason
from portal.stock.services import COUNTERS

LEDGER_ROWS: Final = 50
HISTORY_DAYS: Final = 90
WORKLIST_ROWS: Final = 8

_level: Final = StockLevel.__table__.c
_variant: Final = Variant.__table__.c
_product: Final = Product.__table__.c
_location: Final = Location.__table__.c
_moved: Final = StockMovement.__table__.c

SUMS: Final = tuple(sa.func.coalesce(sa.func.sum(_level[name]), 0).label(name) for name in (*COUNTERS, "incoming"))


@dataclass(frozen=True, slots=True)
class Figures:
    """Units of a level, over all its slots."""

    on_hand: int = 0
    allocated: int = 0
    reserved: int = 0
    unavailable: int = 0
    incoming: int = 0

    @property
    def available(self) -> int:
        """What may still be sold."""
        return self.on_hand - self.allocated - self.reserved - self.unavailable


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement in the ledger, with the figures after it."""

    id: int
    at: dt.datetime
    kind: str
    on_hand_delta: int
    held_delta: int
    on_hand: int
    available: int
    cause: Cause
    who: str | None
    reason: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """A page of a level's movements, newest first."""

    entries: list[Entry]
    next: int | None


def figures_of_levels(keys: Sequence[int]) -> dict[int, dict[str, int]]:
    """The figures of levels on a page of the list, by the level's own id, slots added up."""
    lead = StockLevel.__table__.alias("lead")
    statement: sa.Select[Any] = (
        sa.select(lead.c.id, *SUMS)
        .select_from(lead.join(StockLevel.__table__, sa.and_(
            _level.merchant_id == lead.c.merchant_id, _level.variant_id == lead.c.variant_id, _level.location_id == lead.c.location_id,
        )))
        .where(lead.c.merchant_id == current_merchant_id(), lead.c.id.in_(keys))
        .group_by(lead.c.id)
    )
    rows = execute(statement).mappings()
    return {row["id"]: _with_available(row) for row in rows}


def figures(variant_id: int, location_id: int) -> Figures:
    """The figures of one level; all 0 where nothing ever lay."""
    row = db.session.execute(sa.select(*SUMS).where(
        _level.merchant_id == current_merchant_id(), _level.variant_id == variant_id, _level.location_id == location_id,
    )).mappings().one()
    return Figures(**row)


def level_values(variant_id: int, location_id: int) -> dict[str, Any]:
    """One level as a row of the list shows it."""
    row = db.session.execute(
        sa.select(_variant.id.label("variant_id"), _location.id.label("location_id"), _variant.sku, _variant.title.label("variant"),
                  _variant.low_stock_threshold, _product.title.label("product"), _location.name.label("location"))
        .select_from(Variant.__table__
                     .join(Product.__table__, sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id))
                     .join(Location.__table__, _location.merchant_id == _variant.merchant_id))
        .where(_variant.merchant_id == current_merchant_id(), _variant.id == variant_id, _location.id == location_id)
    ).mappings().one()
    found = figures(variant_id, location_id)
    return dict(row) | {name: getattr(found, name) for name in (*COUNTERS, "incoming", "available")}


def levels_of_variant(variant_id: int) -> list[tuple[Location, Figures]]:
    """Every location in use, and those where something lies, with the figures there."""
    rows = db.session.execute(sa.select(_level.location_id, *SUMS).where(
        _level.merchant_id == current_merchant_id(), _level.variant_id == variant_id,
    ).group_by(_level.location_id)).mappings()
    known = {row["location_id"]: Figures(**{name: row[name] for name in (*COUNTERS, "incoming")}) for row in rows}
    return [(place, known.get(place.id, Figures())) for place in locations() if place.is_active or place.id in known]


def levels_of_product(product_id: int) -> list[tuple[Location, Figures]]:
    """The same for all variants of a product together."""
    rows = db.session.execute(
        sa.select(_level.location_id, *SUMS)
        .select_from(StockLevel.__table__.join(Variant.__table__, sa.and_(
            _variant.merchant_id == _level.merchant_id, _variant.id == _level.variant_id)))
        .where(_variant.merchant_id == current_merchant_id(), _variant.product_id == product_id)
        .group_by(_level.location_id)
    ).mappings()
    known = {row["location_id"]: Figures(**{name: row[name] for name in (*COUNTERS, "incoming")}) for row in rows}
    return [(place, known.get(place.id, Figures())) for place in locations() if place.is_active or place.id in known]


def available_units(column: sa.ColumnElement[int], keys: Sequence[int]) -> dict[int, int]:
    """Available units by product or variant, for pages of the catalogue."""
    units = sa.func.sum(_level.on_hand - _level.allocated - _level.reserved - _level.unavailable)
    rows = execute(
        sa.select(column.label("key"), units.label("units"))
        .select_from(Variant.__table__.join(StockLevel.__table__, sa.and_(
            _level.merchant_id == _variant.merchant_id, _level.variant_id == _variant.id)))
        .where(_variant.merchant_id == current_merchant_id(), column.in_(keys), _variant.is_stocked)
        .group_by(column)
    )
    return {row.key: int(row.units) for row in rows}


def available_by_product(keys: Sequence[int]) -> Mapping[int, int]:
    """For the list of products."""
    return available_units(_variant.product_id, keys)


def available_by_variant(keys: Sequence[int]) -> Mapping[int, int]:
    """For the grid of variants."""
    return available_units(_variant.id, keys)


def locations() -> Sequence[Location]:
    """All locations, those in use first."""
    return db.session.scalars(sa.select(Location).order_by(Location.is_active.desc(), Location.position, Location.name, Location.id)).all()


def units_per_location() -> Mapping[int, Figures]:
    """What lies where, over all variants."""
    rows = db.session.execute(sa.select(_level.location_id, *SUMS).where(_level.merchant_id == current_merchant_id()).group_by(_level.location_id)).mappings()
    return {row["location_id"]: Figures(**{name: int(row[name]) for name in (*COUNTERS, "incoming")}) for row in rows}


def reasons(*, active: bool = False) -> Sequence[StockReason]:
    """The reasons for adjustments."""
    statement = sa.select(StockReason).order_by(StockReason.is_active.desc(), StockReason.label, StockReason.id)
    return db.session.scalars(statement.where(StockReason.is_active) if active else statement).all()


def ledger(variant_id: int, location_id: int, *, before: int | None = None, kind: str | None = None) -> Ledger:
    """A page of the movements of a level, newest first, each with the figures after it.

    The figures are counted back from the level of today, in the same statement, so that a sale in between cannot
    shift them.
    """
    own = (_moved.merchant_id == current_merchant_id(), _moved.variant_id == variant_id, _moved.location_id == location_id)
    wanted = sa.select(_moved.id).where(*own)
    if before is not None:
        wanted = wanted.where(_moved.id < before)
    if kind is not None:
        wanted = wanted.where(_moved.kind == kind)
    page = wanted.order_by(_moved.id.desc()).limit(LEDGER_ROWS + 1).cte("page")
    held = _moved.allocated_delta + _moved.reserved_delta + _moved.unavailable_delta
    oldest = sa.select(sa.func.min(page.c.id)).scalar_subquery()
    since = sa.select(
        _moved.id, _moved.kind, _moved.on_hand_delta, held.label("held_delta"), _moved.cause_kind, _moved.cause_id,
        _moved.actor_kind, _moved.actor_id, _moved.reason_id, _moved.note,
        _later(_moved.on_hand_delta).label("later_on_hand"), _later(_moved.on_hand_delta - held).label("later_available"),
    ).where(*own, _moved.id >= oldest).subquery("since")
    now = sa.select(*SUMS).where(
        _level.merchant_id == current_merchant_id(), _level.variant_id == variant_id, _level.location_id == location_id,
    ).subquery("now")
    rows = db.session.execute(
        sa.select(since, (now.c.on_hand - since.c.later_on_hand).label("on_hand"),
                  (now.c.on_hand - now.c.allocated - now.c.reserved - now.c.unavailable - since.c.later_available).label("available"))
        .select_from(since.join(page, page.c.id == since.c.id).join(now, sa.true()))
        .order_by(since.c.id.desc())
    ).all()
    shown = rows[:LEDGER_ROWS]
    return Ledger(_entries(shown), next=shown[-1].id if len(rows) > LEDGER_ROWS else None)


def ledger_sums(variant_id: int, location_id: int) -> Figures:
    """What all movements of a level add up to; it must be what the level says."""
    columns = [sa.func.coalesce(sa.func.sum(_moved[f"{name}_delta"]), 0).label(name) for name in COUNTERS]
    row = db.session.execute(sa.select(*columns).where(
        _moved.merchant_id == current_merchant_id(), _moved.variant_id == variant_id, _moved.location_id == location_id,
    )).mappings().one()
    return Figures(**{name: int(row[name]) for name in COUNTERS})


def stock_history(variant_id: int, zone: ZoneInfo, days: int = HISTORY_DAYS) -> tuple[list[dt.date], list[int], list[int]]:
    """Days, units on hand and units available at the end of each, from the ledger; the last day is today."""
    today = utc_now().astimezone(zone).date()
    labels = [today - dt.timedelta(days=back) for back in range(days - 1, -1, -1)]
    edges = [floor_at(dt.datetime.combine(day, dt.time(), zone)) for day in labels]
    held = _moved.allocated_delta + _moved.reserved_delta + _moved.unavailable_delta
    bucket = sa.func.width_bucket(_moved.id, sa.cast(edges, sa.ARRAY(sa.BigInteger))).label("bucket")
    moved = db.session.execute(
        sa.select(bucket, sa.func.sum(_moved.on_hand_delta).label("on_hand"), sa.func.sum(_moved.on_hand_delta - held).label("available"))
        .where(_moved.merchant_id == current_merchant_id(), _moved.variant_id == variant_id, _moved.id >= edges[0])
        .group_by(bucket)
    ).all()
    by_day = {row.bucket - 1: (int(row.on_hand), int(row.available)) for row in moved}
    now = db.session.execute(sa.select(*SUMS).where(_level.merchant_id == current_merchant_id(), _level.variant_id == variant_id)).mappings().one()
    figures_now = Figures(**{name: int(now[name]) for name in (*COUNTERS, "incoming")})
    on_hand, available = [figures_now.on_hand], [figures_now.available]
    for day in range(days - 1, 0, -1):
        change = by_day.get(day, (0, 0))
        on_hand.append(on_hand[-1] - change[0])
        available.append(available[-1] - change[1])
    return labels, on_hand[::-1], available[::-1]


def low_stock() -> tuple[list[dict[str, Any]], int]:
    """Variants at or below their threshold, the emptiest first, and how many there are (counted to 1,000)."""
    units = sa.func.coalesce(sa.func.sum(_level.on_hand - _level.allocated - _level.reserved - _level.unavailable), 0)
    low = (
        sa.select(_variant.id, units.label("available"))
        .select_from(Variant.__table__.outerjoin(StockLevel.__table__, sa.and_(
            _level.merchant_id == _variant.merchant_id, _level.variant_id == _variant.id)))
        .where(_variant.merchant_id == current_merchant_id(), _variant.low_stock_threshold.is_not(None), _variant.is_active, _variant.is_stocked)
        .group_by(_variant.merchant_id, _variant.id).having(units <= _variant.low_stock_threshold).limit(1_001).subquery()
    )
    rows = db.session.execute(
        sa.select(_variant.id, _variant.sku, _variant.title.label("variant"), _variant.low_stock_threshold, _product.title.label("product"),
                  low.c.available, sa.func.count().over().label("total"))
        .select_from(low
                     .join(Variant.__table__, _variant.id == low.c.id)
                     .join(Product.__table__, sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id)))
        .where(_variant.merchant_id == current_merchant_id())
        .order_by(low.c.available - _variant.low_stock_threshold, _variant.id).limit(WORKLIST_ROWS)
    ).mappings().all()
    return [dict(row) for row in rows], (int(rows[0]["total"]) if rows else 0)


def _later(delta: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """What happened after a movement."""
    summed = sa.func.sum(delta).over(order_by=_moved.id.desc(), rows=(None, -1))
    later: sa.ColumnElement[int] = sa.func.coalesce(summed, 0)
    return later


def _entries(rows: Sequence[sa.Row[Any]]) -> list[Entry]:
    causes = causes_of((row.cause_kind, row.cause_id) for row in rows)
    people = _names({row.actor_id for row in rows if row.actor_kind == "user" and row.actor_id is not None})
    words = _reason_words({row.reason_id for row in rows if row.reason_id is not None})
    return [
        Entry(
            row.id, time_of(row.id), row.kind, row.on_hand_delta, row.held_delta, int(row.on_hand), int(row.available),
            causes[row.cause_kind, row.cause_id],
            people.get(row.actor_id, "A former user") if row.actor_kind == "user" else {"job": "A job", "channel": "A channel"}.get(row.actor_kind),
            words.get(row.reason_id), row.note,
        )
        for row in rows
    ]


def _names(user_ids: set[int]) -> dict[int, str]:
    if not user_ids:
        return {}
    return {row.id: row.name for row in db.session.execute(sa.select(User.id, User.name).where(User.id.in_(user_ids)))}


def _reason_words(reason_ids: set[int]) -> dict[int, str]:
    if not reason_ids:
        return {}
    return {row.id: row.label for row in db.session.execute(sa.select(StockReason.id, StockReason.label).where(StockReason.id.in_(reason_ids)))}


def _with_available(row: sa.RowMapping) -> dict[str, int]:
    found = Figures(**{name: int(row[name]) for name in (*COUNTERS, "incoming")})
    return {name: getattr(found, name) for name in (*COUNTERS, "incoming", "available")}
