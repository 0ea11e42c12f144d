"""What makes a number: the movements, orders, reservations and papers behind one counter of one level, and their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.listing.statements import TooSlowError, bounded
from portal.stock.models import StockMovement
from portal.stock.moving import COUNTERS
from portal.stock.queries import Figures
from portal.stock.sources import Part, Source, parts_of_level, sources_of

LABELS: Final = {
    "on_hand": "On hand",
    "allocated": "Allocated",
    "reserved": "Reserved",
    "unavailable": "Unavailable",
    "available": "Available",
    "incoming": "Incoming",
}

_moved: Final = StockMovement.__table__.c


@dataclass(frozen=True, slots=True)
class Moved:
    """Movements of one kind: how many, and the units they come to."""

    kind: str
    movements: int
    units: int


@dataclass(frozen=True, slots=True)
class Held:
    """What one source says of a counter."""

    source: Source
    parts: list[Part]
    holders: int
    units: int

    @property
    def is_cut(self) -> bool:
        """Whether there are more holders than are listed."""
        return self.holders > len(self.parts)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One counter of one level with everything that makes it."""

    counter: str
    figure: int
    moved: list[Moved] | None
    """None when adding them up takes longer than two seconds."""
    held: list[Held]
    by_kind: list[tuple[str, int]]

    @property
    def ledger_units(self) -> int:
        """What the movements come to."""
        return sum(each.units for each in self.moved or [])

    @property
    def held_units(self) -> int:
        """What orders, reservations and papers come to."""
        return sum(each.units for each in self.held)

    @property
    def ledger_gap(self) -> int:
        """Units that the level has more than the movements say; 0 where they were too many to add up."""
        return self.figure - self.ledger_units if self.moved is not None else 0

    @property
    def held_gap(self) -> int:
        """Units that the level has more than its holders say; 0 where nobody holds."""
        return self.figure - self.held_units if self.held else 0


def breakdown(variant_id: int, location_id: int, counter: str, figures: Figures) -> Breakdown:
    """What makes *counter* of a level; ``figures`` is the level as it stands."""
    held = []
    for source in sources_of(counter):
        parts, holders, units = parts_of_level(source, variant_id, location_id)
        held.append(Held(source, parts, holders, units))
    return Breakdown(
        counter,
        getattr(figures, counter),
        _moved_by_kind_in_time(variant_id, location_id, counter),
        held,
        _by_unavailable_kind(variant_id, location_id) if counter == "unavailable" else [],
    )


def _moved_by_kind_in_time(variant_id: int, location_id: int, counter: str) -> list[Moved] | None:
    try:
        with bounded(True):
            return _moved_by_kind(variant_id, location_id, counter)
    except TooSlowError:
        return None


def _moved_by_kind(variant_id: int, location_id: int, counter: str) -> list[Moved]:
    assert counter in COUNTERS
    delta = _moved[f"{counter}_delta"]
    rows = db.session.execute(
        sa.select(_moved.kind, sa.func.count().label("movements"), sa.func.sum(delta).label("units"))
        .where(*_of_level(variant_id, location_id), delta != 0)
        .group_by(_moved.kind)
        .order_by(sa.func.abs(sa.func.sum(delta)).desc(), _moved.kind)
    )
    return [Moved(row.kind, row.movements, int(row.units)) for row in rows]


def _by_unavailable_kind(variant_id: int, location_id: int) -> list[tuple[str, int]]:
    rows = db.session.execute(
        sa.select(_moved.unavailable_kind, sa.func.sum(_moved.unavailable_delta))
        .where(*_of_level(variant_id, location_id), _moved.unavailable_delta != 0)
        .group_by(_moved.unavailable_kind)
    )
    units = {kind: int(total) for kind, total in rows}
    return [(kind, units.get(kind, 0)) for kind in ("quarantine", "damaged")]


def _of_level(variant_id: int, location_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _moved.merchant_id == current_merchant_id(),
        _moved.variant_id == variant_id,
        _moved.location_id == location_id,
    )
