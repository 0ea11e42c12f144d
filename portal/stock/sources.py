"""What the counters of a level come from besides the ledger: orders, reservations, purchase orders, transfers.

Whoever promises units or expects them registers here how they are read. The page behind a number shows the rows, and the
verifier adds them up and holds them against the levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import db
from portal.stock.causes import Cause, causes_of

PARTS_SHOWN: Final = 100

Rows = Callable[[], sa.Select[Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that explains a counter.

    ``rows()`` selects ``variant_id``, ``location_id``, ``units`` and ``holder_id`` of the merchant in scope, without
    aggregates; ``cause_kind`` is how the ledger names a holder.
    """

    name: str
    counter: str
    title: str
    cause_kind: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a counter and what holds it."""

    cause: Cause
    units: int


_sources: Final[dict[str, Source]] = {}


def register_source(source: Source) -> None:
    """Let *source* explain its counter. Harmless when repeated."""
    _sources[source.name] = source


def sources_of(counter: str) -> list[Source]:
    """What explains a counter, by name."""
    return sorted((each for each in _sources.values() if each.counter == counter), key=lambda each: each.name)


def sources() -> list[Source]:
    """All of them."""
    return [_sources[name] for name in sorted(_sources)]


def parts_of_level(source: Source, variant_id: int, location_id: int) -> tuple[list[Part], int, int]:
    """The newest holders of a level's units with their share, how many holders there are, and all their units."""
    rows = source.rows().subquery("held")
    by_holder = (
        sa.select(rows.c.holder_id, sa.func.sum(rows.c.units).label("units"))
        .where(rows.c.variant_id == variant_id, rows.c.location_id == location_id, rows.c.units != 0)
        .group_by(rows.c.holder_id)
        .subquery("by_holder")
    )
    found = db.session.execute(
        sa.select(
            by_holder.c.holder_id,
            by_holder.c.units,
            sa.func.count().over().label("holders"),
            sa.func.sum(by_holder.c.units).over().label("total"),
        )
        .order_by(by_holder.c.holder_id.desc())
        .limit(PARTS_SHOWN)
    ).all()
    if not found:
        return [], 0, 0
    names = causes_of([(source.cause_kind, row.holder_id) for row in found])
    parts = [Part(names[source.cause_kind, row.holder_id], int(row.units)) for row in found]
    return parts, int(found[0].holders), int(found[0].total)


def units_by_level(
    connection: sa.Connection, source: Source, first: int, last: int
) -> Iterator[tuple[int, int, int]]:
    """Variant, location and units of *source* for variants from *first* up to and with *last*, read on *connection*."""
    rows = source.rows().subquery("held")
    summed = (
        sa.select(rows.c.variant_id, rows.c.location_id, sa.func.sum(rows.c.units).label("units"))
        .where(rows.c.variant_id.between(first, last))
        .group_by(rows.c.variant_id, rows.c.location_id)
    )
    for row in connection.execute(summed).all():
        yield row.variant_id, row.location_id, int(row.units)
