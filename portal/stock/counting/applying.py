"""Write the differences of a count into the books, batch by batch.

A line's difference is what was counted less what the books said when its count began; it is written as a movement on top
of whatever the books say now, so sales in between stay. A count is never refused: what is missing comes first from
available units, then from units set aside, then from promises, whose holders open a case for every one they break.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.stock.counting.services import not_counted
from portal.stock.models import StockCount, StockCountLine, StockLevel
from portal.stock.promises import TakeBack, take_back
from portal.stock.services import Move, apply_moves
from portal.stock.shelves import Shelf, lock_shelves, spread

CAUSE: Final = "count"

_line: Final = StockCountLine.__table__
_level: Final = StockLevel.__table__


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a line: units taken out of promises, and why it could not be applied, if it could not."""

    variant_id: int
    short: int = 0
    problem: str | None = None


def add_uncounted(count: StockCount, limit: int) -> int:
    """Give up to *limit* variants that were not counted a line of nothing; gives how many."""
    level = _level.c
    found = db.session.execute(
        sa.select(level.variant_id, sa.func.sum(level.on_hand).label("on_hand"))
        .where(not_counted(count))
        .group_by(level.variant_id)
        .order_by(level.variant_id)
        .limit(limit)
    ).all()
    if found:
        db.session.execute(
            postgresql.insert(_line).on_conflict_do_nothing(),
            [
                {
                    "merchant_id": current_merchant_id(),
                    "count_id": count.id,
                    "variant_id": row.variant_id,
                    "counted": 0,
                    "book": row.on_hand,
                    "book_last": row.on_hand,
                    "scans": 0,
                }
                for row in found
            ],
        )
    return len(found)


def waiting_lines(count: StockCount, after: int, limit: int) -> Sequence[StockCountLine]:
    """Lines that take part and are not applied yet, by variant."""
    return db.session.scalars(
        sa.select(StockCountLine)
        .where(
            StockCountLine.count_id == count.id,
            StockCountLine.variant_id > after,
            StockCountLine.applied_at.is_(None),
            StockCountLine.is_excluded.is_(False),
        )
        .order_by(StockCountLine.variant_id)
        .limit(limit)
    ).all()


def apply_lines(count: StockCount, lines: Sequence[StockCountLine], *, by: Actor) -> list[Applied]:
    """Write the differences of some lines; the caller commits."""
    place = count.location_id
    shelves = lock_shelves((line.variant_id, place) for line in lines)
    moves: list[Move] = []
    done: list[Applied] = []
    for line in lines:
        if line.variance < 0:
            held = shelves.get((line.variant_id, place), [])
            missing = min(-line.variance, sum(shelf.on_hand for shelf in held))
            parts, left = spread(held, missing)
            if left:
                done.append(_below_promises(count, line, missing, by))
                continue
            moves += [_counted(count, line.variant_id, slot, -units) for slot, units in parts]
        elif line.variance > 0:
            moves.append(_counted(count, line.variant_id, 0, line.variance))
        done.append(Applied(line.variant_id))
    apply_moves(moves, by=by)
    _mark(count, lines, done)
    return done


def _below_promises(count: StockCount, line: StockCountLine, missing: int, by: Actor) -> Applied:
    """Fewer units were found than are promised or set aside: nothing of it is refused, somebody must be told."""
    place, variant_id = count.location_id, line.variant_id
    held = lock_shelves([(variant_id, place)])[variant_id, place]
    gone = _take_set_aside(count, variant_id, held, spread(held, missing)[1], by)
    lacking = _lacking(variant_id, place, missing - gone)
    short = take_back(TakeBack(variant_id, place, lacking, CAUSE, count.id), by=by) if lacking else 0
    held = lock_shelves([(variant_id, place)])[variant_id, place]
    parts, left = spread(held, missing - gone)
    apply_moves([_counted(count, variant_id, slot, -units) for slot, units in parts], by=by)
    if left:
        return Applied(
            variant_id, short, f"{left:,} missing units are promised and nobody could take the promise back."
        )
    return Applied(variant_id, short)


def _lacking(variant_id: int, place: int, missing: int) -> int:
    held = lock_shelves([(variant_id, place)])[variant_id, place]
    return spread(held, missing)[1]


def _take_set_aside(count: StockCount, variant_id: int, held: Sequence[Shelf], units: int, by: Actor) -> int:
    """Take up to so many units that may not be sold off the books, those in quarantine before the damaged ones."""
    moves, left = [], units
    for shelf in held:
        for kind, there in (("quarantine", shelf.unavailable - shelf.damaged), ("damaged", shelf.damaged)):
            part = min(left, there)
            if part > 0:
                moves.append(
                    _counted(count, variant_id, shelf.slot, -part, unavailable=-part, unavailable_kind=kind)
                )
                left -= part
    apply_moves(moves, by=by)
    return units - left


def _counted(count: StockCount, variant_id: int, slot: int, units: int, **values: Any) -> Move:
    return Move(
        variant_id,
        count.location_id,
        "counted",
        on_hand=units,
        slot=slot,
        cause_kind=CAUSE,
        cause_id=count.id,
        reason_id=count.reason_id,
        **values,
    )


def _mark(count: StockCount, lines: Sequence[StockCountLine], done: Sequence[Applied]) -> None:
    """Lines that are through, and the day their levels were counted."""
    through = {one.variant_id: one for one in done if one.problem is None}
    days: dict[Any, list[int]] = defaultdict(list)
    for line in lines:
        if line.variant_id in through:
            line.applied_at, line.short_units = utc_now(), through[line.variant_id].short
            days[line.counted_at].append(line.variant_id)
    db.session.flush()
    if not through:
        return
    at = sa.values(
        sa.column("variant_id", sa.BigInteger), sa.column("at", sa.DateTime(timezone=True)), name="at"
    ).data([(variant_id, day) for day, ids in days.items() for variant_id in ids])
    db.session.execute(
        sa.update(_level)
        .where(
            _level.c.merchant_id == current_merchant_id(),
            _level.c.location_id == count.location_id,
            _level.c.variant_id == at.c.variant_id,
        )
        .values(counted_at=sa.func.greatest(_level.c.counted_at, at.c.at))
    )
