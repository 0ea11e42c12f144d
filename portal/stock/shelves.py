"""From which slots of a level units are taken. A hot variant lies in several; everything else in slot 0."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.stock.models import StockLevel

_level: Final = StockLevel.__table__.c

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A slot of a level, as it stands while it is locked."""

    slot: int
    on_hand: int
    available: int
    unavailable: int
    damaged: int


def lock_shelves(places: Iterable[Place]) -> dict[Place, list[Shelf]]:
    """Lock every slot of the levels (variant, location) in the order in which levels are locked everywhere."""
    wanted = sorted(set(places))
    if not wanted:
        return {}
    rows = db.session.execute(
        sa.select(
            _level.variant_id,
            _level.location_id,
            _level.slot,
            _level.on_hand,
            (_level.on_hand - _level.allocated - _level.reserved - _level.unavailable).label("available"),
            _level.unavailable,
            _level.damaged,
        )
        .where(
            _level.merchant_id == current_merchant_id(),
            sa.tuple_(_level.variant_id, _level.location_id).in_(wanted),
        )
        .order_by(_level.variant_id, _level.location_id, _level.slot)
        .with_for_update()
    )
    found: dict[Place, list[Shelf]] = defaultdict(list)
    for row in rows:
        found[row.variant_id, row.location_id].append(
            Shelf(row.slot, row.on_hand, row.available, row.unavailable, row.damaged)
        )
    return found


def spread(shelves: Iterable[Shelf], units: int) -> tuple[list[tuple[int, int]], int]:
    """How many available units each slot gives, the first one first, and how many no slot has."""
    parts = []
    for shelf in shelves:
        taken = min(units, shelf.available)
        if taken > 0:
            parts.append((shelf.slot, taken))
            units -= taken
    return parts, units


def available_at(places: Iterable[Place]) -> Mapping[Place, int]:
    """Available units of levels, slots added up, as they stand; nothing is locked."""
    wanted = sorted(set(places))
    if not wanted:
        return {}
    free = sa.func.sum(_level.on_hand - _level.allocated - _level.reserved - _level.unavailable)
    rows = db.session.execute(
        sa.select(_level.variant_id, _level.location_id, free.label("units"))
        .where(
            _level.merchant_id == current_merchant_id(),
            sa.tuple_(_level.variant_id, _level.location_id).in_(wanted),
        )
        .group_by(_level.variant_id, _level.location_id)
    )
    return {(row.variant_id, row.location_id): int(row.units) for row in rows}
