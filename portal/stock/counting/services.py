"""Begin a count, close it, review what differs, approve it. Scans stand in ``scans``, applying in ``applying``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.models import Variant
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.jobs import enqueue
from portal.stock.models import StockCount, StockCountLine, StockLevel
from portal.stock.papers import (
    require_place,
    require_reason,
    require_version,
    take_number,
    tell,
    typed_key,
    typed_note,
)

NOUN: Final = "count"
SUBJECT: Final = "stock_count"

_line: Final = StockCountLine.__table__.c
_level: Final = StockLevel.__table__.c
_variant: Final = Variant.__table__.c


def begin_count(values: Mapping[str, Any], *, by: Actor) -> StockCount:
    """Open a count of a location. Lines come with the scans, so it opens at once however much lies there.

    Raises:
        DomainError: the name or the location is missing.
    """
    place = require_place(typed_key(values.get("location_id"), "location_id", "The location"), "location_id")
    name = typed.short_text(values.get("name"), "name", "The name", most=120)
    if not name:
        raise DomainError("Give the count a name, such as Aisle 3, November.", field="name")
    count = StockCount(
        number=take_number(NOUN),
        name=name,
        location_id=place,
        note=typed_note(values.get("note")),
        created_by_id=by.id if by.kind == "user" else None,
    )
    db.session.add(count)
    db.session.flush()
    tell("count.begun", (SUBJECT, count.id), by=by, after={"name": name, "location_id": place})
    return count


def close_count(count: StockCount, *, by: Actor) -> None:
    """End the counting and add up what differs.

    Raises:
        ConflictError: it is not open.
        DomainError: nothing was counted.
    """
    _require_state(count, "open", "This count is closed already.")
    count.summary = sums_of(count)
    if not count.summary["lines"]:
        raise DomainError("Nothing was counted yet. Scan at least one variant, or cancel the count.")
    count.state, count.closed_at = "review", utc_now()
    db.session.flush()
    tell("count.closed", (SUBJECT, count.id), by=by, after=count.summary)


def reopen_count(count: StockCount, *, by: Actor) -> None:
    """Go on counting, for example what differs.

    Raises:
        ConflictError: it is not in review, or part of it was applied.
    """
    _require_state(count, "review", "Only a count in review can be opened again.")
    if count.summary.get("applied"):
        raise ConflictError("Part of this count was applied. Begin another count for the rest.")
    count.state, count.closed_at = "open", None
    db.session.flush()
    tell("count.reopened", (SUBJECT, count.id), by=by)


def exclude_line(count: StockCount, variant_id: int, *, excluded: bool, by: Actor) -> None:
    """Leave a line out of what is applied, or take it in again.

    Raises:
        ConflictError: the count is not in review, or the line was applied.
    """
    _require_state(count, "review", "Lines are left out while the count is in review.")
    line = db.session.get_one(StockCountLine, (current_merchant_id(), count.id, variant_id))
    if line.applied_at is not None:
        raise ConflictError("This line was applied already.")
    if line.is_excluded == excluded:
        return
    line.is_excluded = excluded
    # Adding up a hundred thousand lines for one of them would keep everybody waiting.
    count.summary = _with_line(count.summary, line, -1 if excluded else 1)
    db.session.flush()
    tell(
        "count.line_changed",
        (SUBJECT, count.id),
        by=by,
        before={"variant_id": variant_id, "is_excluded": not excluded},
        after={"variant_id": variant_id, "is_excluded": excluded},
    )


def approve_count(
    count: StockCount, *, version: int, zero_uncounted: bool, reason_id: int | None, by: Actor
) -> None:
    """Have the differences booked by a job.

    Args:
        version: of the count the person looked at.
        zero_uncounted: whether what lies in the books and was not counted becomes nothing.
        reason_id: the reason the movements carry.

    Raises:
        ConflictError: it is not in review, or someone changed it meanwhile.
        DomainError: the reason is not in use.
    """
    _require_state(count, "review", "Close the count before you approve it.")
    require_version(count.version, version, NOUN)
    require_reason(reason_id)
    count.state = "applying"
    count.zero_uncounted = zero_uncounted
    count.reason_id = reason_id
    count.approved_by_id = by.id if by.kind == "user" else None
    _start_applying(count, by)
    tell(
        "count.approved",
        (SUBJECT, count.id),
        by=by,
        after={"zero_uncounted": zero_uncounted, "reason_id": reason_id, **count.summary},
    )


def go_on_applying(count: StockCount, *, by: Actor) -> None:
    """Begin the job anew where it stopped; what is applied stays applied.

    Raises:
        ConflictError: the count is not being applied.
    """
    _require_state(count, "applying", "This count is not being applied.")
    _start_applying(count, by)


def cancel_count(count: StockCount, *, by: Actor) -> None:
    """Drop a count; no stock moves.

    Raises:
        ConflictError: it is being applied, or part of it was.
    """
    if count.state == "cancelled":
        return
    if count.state not in ("open", "review") or count.summary.get("applied"):
        raise ConflictError("This count was applied, at least in part, and cannot be dropped any more.")
    count.state = "cancelled"
    db.session.flush()
    tell("count.cancelled", (SUBJECT, count.id), by=by)


def sums_of(count: StockCount) -> dict[str, Any]:
    """What a count found, added up: lines, differences, units over and short, their value, what was not counted."""
    cost = sa.func.coalesce(_variant.unit_cost, 0)
    takes_part = sa.not_(_line.is_excluded)
    row = db.session.execute(
        sa.select(
            sa.func.count().label("lines"),
            sa.func.coalesce(sa.func.sum(_line.counted), 0).label("units"),
            sa.func.count().filter(_line.variance != 0, takes_part).label("differing"),
            sa.func.coalesce(sa.func.sum(_line.variance).filter(_line.variance > 0, takes_part), 0).label(
                "over"
            ),
            sa.func.coalesce(-sa.func.sum(_line.variance).filter(_line.variance < 0, takes_part), 0).label(
                "short"
            ),
            sa.func.coalesce(sa.func.sum(_line.variance * cost).filter(takes_part), 0).label("value"),
            sa.func.count().filter(_line.book != _line.book_last).label("moved"),
            sa.func.count().filter(_line.is_excluded).label("excluded"),
            sa.func.count().filter(_line.applied_at.is_not(None)).label("applied"),
        )
        .select_from(
            StockCountLine.__table__.join(
                Variant.__table__,
                sa.and_(_variant.merchant_id == _line.merchant_id, _variant.id == _line.variant_id),
            )
        )
        .where(_line.merchant_id == current_merchant_id(), _line.count_id == count.id)
    ).one()
    sums = {name: int(getattr(row, name)) for name in row._fields if name != "value"}
    uncounted = db.session.execute(_uncounted(count)).one()
    return sums | {
        "value": str(row.value),
        "uncounted": int(uncounted.variants),
        "uncounted_units": int(uncounted.units),
    }


def _with_line(summary: Mapping[str, Any], line: StockCountLine, times: int) -> dict[str, Any]:
    """The sums with a line in them (*times* is 1) or out of them (-1)."""
    cost = db.session.scalar(
        sa.select(_variant.unit_cost).where(
            _variant.merchant_id == current_merchant_id(), _variant.id == line.variant_id
        )
    )
    return dict(summary) | {
        "differing": summary["differing"] + times * (line.variance != 0),
        "over": summary["over"] + times * max(line.variance, 0),
        "short": summary["short"] - times * min(line.variance, 0),
        "value": str(Decimal(summary["value"]) + times * line.variance * (cost or 0)),
        "excluded": summary["excluded"] - times,
    }


def not_counted(count: StockCount) -> sa.ColumnElement[bool]:
    """The levels of the place with units on hand that have no line in the count."""
    line = StockCountLine.__table__.alias("own_line")
    return sa.and_(
        _level.merchant_id == current_merchant_id(),
        _level.location_id == count.location_id,
        _level.on_hand > 0,
        sa.not_(
            sa.exists().where(
                line.c.merchant_id == _level.merchant_id,
                line.c.count_id == count.id,
                line.c.variant_id == _level.variant_id,
            )
        ),
    )


def _uncounted(count: StockCount) -> sa.Select[Any]:
    return sa.select(
        sa.func.count(sa.distinct(_level.variant_id)).label("variants"),
        sa.func.coalesce(sa.func.sum(_level.on_hand), 0).label("units"),
    ).where(not_counted(count))


def _start_applying(count: StockCount, by: Actor) -> None:
    job = enqueue(
        "stock.apply_count",
        {"count_id": count.id},
        by=by,
        total=count.summary.get("lines"),
        unique_key=f"count-{count.id}",
    )
    count.job_id = job.id
    db.session.flush()


def _require_state(count: StockCount, state: str, message: str) -> None:
    if count.state != state:
        raise ConflictError(message)
