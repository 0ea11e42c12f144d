"""The movements behind a level: page by page with the figures after each, added up, and day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.accounts.models import User
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.ids import floor_at, time_of
from portal.core.listing.statements import TooSlowError, bounded
from portal.stock.causes import Cause, causes_of
from portal.stock.models import StockLevel, StockMovement, StockReason
from portal.stock.moving import COUNTERS, DAMAGED, KEPT
from portal.stock.queries import SUMS, Figures

LEDGER_ROWS: Final = 50
HISTORY_DAYS: Final = 90

_level: Final = StockLevel.__table__.c
_moved: Final = StockMovement.__table__.c


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement in the ledger, with the figures after it."""

    id: int
    at: dt.datetime
    kind: str
    unavailable_kind: str | None
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


def ledger(
    variant_id: int, location_id: int, *, before: int | None = None, kind: str | None = None
) -> Ledger:
    """A page of the movements of a level, newest first, each with the figures after it.

    The figures are counted back from the level of today, in the same statement, so that a sale in between cannot
    shift them.
    """
    own = (
        _moved.merchant_id == current_merchant_id(),
        _moved.variant_id == variant_id,
        _moved.location_id == location_id,
    )
    wanted = sa.select(_moved.id).where(*own)
    if before is not None:
        wanted = wanted.where(_moved.id < before)
    if kind is not None:
        wanted = wanted.where(_moved.kind == kind)
    page = wanted.order_by(_moved.id.desc()).limit(LEDGER_ROWS + 1).cte("page")
    held = _moved.allocated_delta + _moved.reserved_delta + _moved.unavailable_delta
    oldest = sa.select(sa.func.min(page.c.id)).scalar_subquery()
    since = (
        sa.select(
            _moved.id,
            _moved.kind,
            _moved.unavailable_kind,
            _moved.on_hand_delta,
            held.label("held_delta"),
            _moved.cause_kind,
            _moved.cause_id,
            _moved.actor_kind,
            _moved.actor_id,
            _moved.reason_id,
            _moved.note,
            _later(_moved.on_hand_delta).label("later_on_hand"),
            _later(_moved.on_hand_delta - held).label("later_available"),
        )
        .where(*own, _moved.id >= oldest)
        .subquery("since")
    )
    now = (
        sa.select(*SUMS)
        .where(
            _level.merchant_id == current_merchant_id(),
            _level.variant_id == variant_id,
            _level.location_id == location_id,
        )
        .subquery("now")
    )
    rows = db.session.execute(
        sa.select(
            since,
            (now.c.on_hand - since.c.later_on_hand).label("on_hand"),
            (
                now.c.on_hand - now.c.allocated - now.c.reserved - now.c.unavailable - since.c.later_available
            ).label("available"),
        )
        .select_from(since.join(page, page.c.id == since.c.id).join(now, sa.true()))
        .order_by(since.c.id.desc())
    ).all()
    shown = rows[:LEDGER_ROWS]
    return Ledger(_entries(shown), next=shown[-1].id if len(rows) > LEDGER_ROWS else None)


def ledger_sums(variant_id: int, location_id: int) -> Figures | None:
    """What all movements of a level add up to; it must be what the level says. None when that takes longer than two seconds."""
    try:
        with bounded(True):
            return _sums(variant_id, location_id)
    except TooSlowError:
        return None


def _sums(variant_id: int, location_id: int) -> Figures:
    columns = [sa.func.coalesce(sa.func.sum(_moved[f"{name}_delta"]), 0).label(name) for name in COUNTERS]
    damaged = sa.func.sum(_moved.unavailable_delta).filter(_moved.unavailable_kind == DAMAGED)
    row = (
        db.session.execute(
            sa.select(*columns, sa.func.coalesce(damaged, 0).label(DAMAGED)).where(
                _moved.merchant_id == current_merchant_id(),
                _moved.variant_id == variant_id,
                _moved.location_id == location_id,
            )
        )
        .mappings()
        .one()
    )
    return Figures(**{name: int(row[name]) for name in KEPT})


def stock_history(
    variant_id: int, zone: ZoneInfo, days: int = HISTORY_DAYS
) -> tuple[list[dt.date], list[int], list[int]]:
    """Days, units on hand and units available at the end of each, from the ledger; the last day is today."""
    today = utc_now().astimezone(zone).date()
    labels = [today - dt.timedelta(days=back) for back in range(days - 1, -1, -1)]
    edges = [floor_at(dt.datetime.combine(day, dt.time(), zone)) for day in labels]
    held = _moved.allocated_delta + _moved.reserved_delta + _moved.unavailable_delta
    bucket = sa.func.width_bucket(_moved.id, sa.cast(edges, sa.ARRAY(sa.BigInteger))).label("bucket")
    moved = db.session.execute(
        sa.select(
            bucket,
            sa.func.sum(_moved.on_hand_delta).label("on_hand"),
            sa.func.sum(_moved.on_hand_delta - held).label("available"),
        )
        .where(
            _moved.merchant_id == current_merchant_id(),
            _moved.variant_id == variant_id,
            _moved.id >= edges[0],
        )
        .group_by(bucket)
    ).all()
    by_day = {row.bucket - 1: (int(row.on_hand), int(row.available)) for row in moved}
    now = (
        db.session.execute(
            sa.select(*SUMS).where(
                _level.merchant_id == current_merchant_id(), _level.variant_id == variant_id
            )
        )
        .mappings()
        .one()
    )
    figures_now = Figures(**{name: int(now[name]) for name in KEPT})
    on_hand, available = [figures_now.on_hand], [figures_now.available]
    for day in range(days - 1, 0, -1):
        change = by_day.get(day, (0, 0))
        on_hand.append(on_hand[-1] - change[0])
        available.append(available[-1] - change[1])
    return labels, on_hand[::-1], available[::-1]


def _later(delta: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """What happened after a movement."""
    summed = sa.func.sum(delta).over(order_by=_moved.id.desc(), rows=(None, -1))
    later: sa.ColumnElement[int] = sa.func.coalesce(summed, 0)
    return later


def _entries(rows: Sequence[sa.Row[Any]]) -> list[Entry]:
    causes = causes_of((row.cause_kind, row.cause_id) for row in rows)
    people = people_of(rows)
    words = _reason_words({row.reason_id for row in rows if row.reason_id is not None})
    return [
        Entry(
            row.id,
            time_of(row.id),
            row.kind,
            row.unavailable_kind,
            row.on_hand_delta,
            row.held_delta,
            int(row.on_hand),
            int(row.available),
            causes[row.cause_kind, row.cause_id],
            people[row.id],
            words.get(row.reason_id),
            row.note,
        )
        for row in rows
    ]


def people_of(rows: Sequence[sa.Row[Any]]) -> dict[int, str | None]:
    """Who made each of the movements, by its id; None where nobody did."""
    people = _names({row.actor_id for row in rows if row.actor_kind == "user" and row.actor_id is not None})
    others = {"job": "A job", "channel": "A channel"}
    return {
        row.id: people.get(row.actor_id, "A former user")
        if row.actor_kind == "user"
        else others.get(row.actor_kind)
        for row in rows
    }


def _names(user_ids: set[int]) -> dict[int, str]:
    if not user_ids:
        return {}
    return {
        row.id: row.name
        for row in db.session.execute(sa.select(User.id, User.name).where(User.id.in_(user_ids)))
    }


def _reason_words(reason_ids: set[int]) -> dict[int, str]:
    if not reason_ids:
        return {}
    return {
        row.id: row.label
        for row in db.session.execute(
            sa.select(StockReason.id, StockReason.label).where(StockReason.id.in_(reason_ids))
        )
    }
