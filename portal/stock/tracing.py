"""Walk the movements of one level to the first one that does not follow from those before it.

A movement keeps the figures of the level after it. Where they are not the figures before it plus its deltas, something
else has written the level in between, or the movement itself was rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id
from portal.core.ids import SEQUENCE_BITS
from portal.stock.models import StockMovement
from portal.stock.sources import sources_of

ROWS_AT_ONCE: Final = 2_000
CHAINS: Final = ("on_hand", "promised", "incoming")

_moved: Final = StockMovement.__table__.c

Place = tuple[int | None, str]


@dataclass(frozen=True, slots=True)
class Break:
    """A movement whose figures do not follow: what it keeps and what the replay gives."""

    movement_id: int
    kept: int
    replayed: int


@dataclass(slots=True)
class Traces:
    """The first break of each chain since replay and level last agreed, and the last movement that keeps figures."""

    breaks: dict[str, Break] = field(default_factory=dict)
    last_id: int | None = None


@dataclass(slots=True)
class _Chain:
    name: str
    units: int = 0
    gap: int = 0
    has_begun: bool = False
    first: Break | None = None

    def walk(self, rows: list[sa.Row[Any]], unfigured: int) -> None:
        """Take the movements of one millisecond: two sessions may have taken their numbers in the other order."""
        deltas = sum(int(getattr(row, f"{self.name}_delta")) for row in rows)
        kept = [int(getattr(row, f"{self.name}_after")) for row in rows]
        if not self.has_begun:
            self.has_begun = True
            # History without figures may have been written before this movement, or brought in after it.
            self.units = unfigured if unfigured + deltas in kept else 0
        self.units += deltas
        if self.units + self.gap in kept:
            return
        ends = kept[-1]
        if self.first is None:
            self.first = Break(rows[0].id, kept[0] if len(rows) == 1 else ends, self.units)
        self.gap = ends - self.units
        if self.gap == 0:
            self.first = None


def trace(connection: sa.Connection, variant_id: int, location_id: int, slot: int) -> Traces:
    """Walk one level, oldest movement first, with a few thousand rows in memory."""
    chains = [_Chain(name) for name in CHAINS]
    unfigured = dict.fromkeys(CHAINS, 0)
    traces = Traces()
    for _, same in groupby(
        _movements(connection, variant_id, location_id, slot), key=lambda row: row.id >> SEQUENCE_BITS
    ):
        rows = list(same)
        for chain in chains:
            figured = [row for row in rows if getattr(row, f"{chain.name}_after") is not None]
            if figured:
                chain.walk(figured, unfigured[chain.name])
                traces.last_id = figured[-1].id
            unfigured[chain.name] += sum(
                int(getattr(row, f"{chain.name}_delta")) for row in rows if row not in figured
            )
    traces.breaks = {chain.name: chain.first for chain in chains if chain.first is not None}
    return traces


def trace_holder(connection: sa.Connection, variant_id: int, location_id: int, counter: str) -> Place:
    """The last movement of the oldest order, reservation or paper whose movements are not what it holds now."""
    for source in sources_of(counter):
        rows = source.rows().subquery("held")
        holding = (
            sa.select(rows.c.holder_id, sa.func.sum(rows.c.units).label("units"))
            .where(rows.c.variant_id == variant_id, rows.c.location_id == location_id)
            .group_by(rows.c.holder_id)
            .subquery("holding")
        )
        moved = (
            sa.select(
                _moved.cause_id,
                sa.func.sum(_moved[f"{counter}_delta"]).label("units"),
                sa.func.max(_moved.id).label("last_id"),
            )
            .where(
                _moved.merchant_id == current_merchant_id(),
                _moved.variant_id == variant_id,
                _moved.location_id == location_id,
                _moved.cause_kind == source.cause_kind,
                _moved[f"{counter}_delta"] != 0,
            )
            .group_by(_moved.cause_id)
            .subquery("moved")
        )
        found = connection.execute(
            sa.select(moved.c.last_id)
            .select_from(moved.outerjoin(holding, holding.c.holder_id == moved.c.cause_id))
            .where(moved.c.units != sa.func.coalesce(holding.c.units, 0))
            .order_by(moved.c.cause_id)
            .limit(1)
        ).scalar_one_or_none()
        if found is not None:
            return found, "at"
    return None, "unknown"


def _movements(
    connection: sa.Connection, variant_id: int, location_id: int, slot: int
) -> Iterator[sa.Row[Any]]:
    promised = _moved.allocated_delta + _moved.reserved_delta + _moved.unavailable_delta
    statement: sa.Select[Any] = (
        sa.select(
            _moved.id,
            _moved.on_hand_delta,
            promised.label("promised_delta"),
            _moved.incoming_delta,
            _moved.on_hand_after,
            _moved.promised_after,
            _moved.incoming_after,
        )
        .where(
            _moved.merchant_id == current_merchant_id(),
            _moved.variant_id == variant_id,
            _moved.location_id == location_id,
            _moved.slot == slot,
        )
        .order_by(_moved.id)
    )
    with connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE}) as rows:
        yield from rows
