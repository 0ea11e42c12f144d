"""Replay the ledger of some variants and hold it against their levels: one statement, whatever the number of movements.

PostgreSQL adds up and spills to disk where its memory ends; only what does not agree comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id
from portal.stock.models import StockLevel
from portal.stock.moving import KEPT
from portal.stock.sources import sources, units_by_level
from portal.stock.tracing import Place, Traces, trace, trace_holder

HELD: Final = ("allocated", "reserved", "incoming")
MOST_TRACED: Final = 1_000
LEDGER, REPLAY, HOLDERS = "ledger", "replay", "holders"
_CHAIN: Final = {"on_hand": "on_hand", "incoming": "incoming"}

# ``begin`` is what the first movement with figures started from, ``finish`` what the last one ended at; between them lie
# the deltas of all movements with figures. Imported history has none and sums to zero by itself.
_COMPARE: Final = sa.text("""
    WITH moved AS (
        SELECT m.variant_id, m.location_id, m.slot, count(*) AS movements,
               sum(m.on_hand_delta) AS on_hand, sum(m.allocated_delta) AS allocated, sum(m.reserved_delta) AS reserved,
               sum(m.unavailable_delta) AS unavailable, sum(m.incoming_delta) AS incoming,
               coalesce(sum(m.unavailable_delta) FILTER (WHERE m.unavailable_kind = 'damaged'), 0) AS damaged,
               sum(m.on_hand_delta) FILTER (WHERE m.on_hand_after IS NOT NULL) AS live,
               sum(m.allocated_delta + m.reserved_delta + m.unavailable_delta) FILTER (WHERE m.on_hand_after IS NOT NULL) AS live_promised,
               min(ARRAY[m.id, m.on_hand_after - m.on_hand_delta,
                         m.promised_after - m.allocated_delta - m.reserved_delta - m.unavailable_delta])
                   FILTER (WHERE m.on_hand_after IS NOT NULL) AS begin,
               max(ARRAY[m.id, m.on_hand_after, m.promised_after]) FILTER (WHERE m.on_hand_after IS NOT NULL) AS finish
        FROM stock_movement AS m
        WHERE m.merchant_id = :merchant AND m.variant_id BETWEEN :first AND :last
        GROUP BY m.variant_id, m.location_id, m.slot
    ), standing AS (
        SELECT l.variant_id, l.location_id, l.slot, l.on_hand, l.allocated, l.reserved, l.unavailable, l.incoming, l.damaged
        FROM stock_level AS l
        WHERE l.merchant_id = :merchant AND l.variant_id BETWEEN :first AND :last
    ), compared AS (
        SELECT variant_id, location_id, slot, coalesce(m.movements, 0) AS movements,
               ARRAY[coalesce(l.on_hand, 0), coalesce(l.allocated, 0), coalesce(l.reserved, 0), coalesce(l.unavailable, 0),
                     coalesce(l.incoming, 0), coalesce(l.damaged, 0)]::bigint[] AS level,
               ARRAY[coalesce(m.on_hand, 0), coalesce(m.allocated, 0), coalesce(m.reserved, 0), coalesce(m.unavailable, 0),
                     coalesce(m.incoming, 0), coalesce(m.damaged, 0)]::bigint[] AS ledger,
               coalesce(m.finish[2] - m.begin[2] <> m.live OR m.finish[3] - m.begin[3] <> m.live_promised, false) AS is_broken
        FROM moved AS m FULL JOIN standing AS l USING (variant_id, location_id, slot)
    )
    SELECT count(*) AS levels, coalesce(sum(movements), 0) AS movements,
           coalesce(jsonb_agg(jsonb_build_array(variant_id, location_id, slot, level, ledger))
                    FILTER (WHERE level <> ledger OR is_broken), '[]') AS off
    FROM compared""")

_level: Final = StockLevel.__table__.c


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that is not what its source says; ``movement_id`` as ``StockFinding`` keeps it."""

    variant_id: int
    location_id: int
    slot: int | None
    counter: str
    source: str
    level_units: int
    source_units: int
    movement_id: int | None
    movement_place: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a range of variants gave."""

    levels: int
    movements: int
    promises: int
    differences: list[Difference]


def replay(connection: sa.Connection, first: int, last: int, *, traced: int = MOST_TRACED) -> Replayed:
    """Compare levels of variants from *first* up to and with *last* with their ledger and with who holds their units.

    Everything is read on *connection*, which should see one moment: a ``snapshot()``. Only the first *traced* levels that
    differ are walked to their movement; where thousands are wrong, one cause made them so.
    """
    row = connection.execute(
        _COMPARE, {"merchant": current_merchant_id(), "first": first, "last": last}
    ).one()
    differences = [
        found
        for n, off in enumerate(row.off)
        for found in _differences(connection, off, is_traced=n < traced)
    ]
    known = {(each.variant_id, each.location_id, each.counter) for each in differences}
    promises, unheld = _compare_holders(connection, first, last)
    differences += [each for each in unheld if (each.variant_id, each.location_id, each.counter) not in known]
    return Replayed(int(row.levels), int(row.movements), promises, differences)


def _differences(connection: sa.Connection, off: list[Any], *, is_traced: bool) -> Iterator[Difference]:
    variant_id, location_id, slot, level, ledger = off
    # The statement above lists the counters in this order.
    names = ("on_hand", "allocated", "reserved", "unavailable", "incoming", "damaged")
    assert set(names) == set(KEPT)
    wrong = {name: (has, says) for name, has, says in zip(names, level, ledger, strict=True) if has != says}
    traces = trace(connection, variant_id, location_id, slot) if is_traced else Traces()
    for counter, (has, says) in wrong.items():
        movement, place = _named(traces, _CHAIN.get(counter, "promised"))
        yield Difference(variant_id, location_id, slot, counter, LEDGER, has, says, movement, place)
    if not wrong:
        for chain, found in traces.breaks.items():
            counter = {"promised": "allocated"}.get(chain, chain)
            yield Difference(
                variant_id,
                location_id,
                slot,
                counter,
                REPLAY,
                found.kept,
                found.replayed,
                found.movement_id,
                "at",
            )


def _named(traces: Traces, chain: str) -> Place:
    found = traces.breaks.get(chain)
    if found is not None:
        return found.movement_id, "at"
    return (traces.last_id, "after") if traces.last_id is not None else (None, "unknown")


def _compare_holders(connection: sa.Connection, first: int, last: int) -> tuple[int, list[Difference]]:
    held: dict[tuple[int, int, str], int] = {}
    read = 0
    for source in sources():
        for variant_id, location_id, units in units_by_level(connection, source, first, last):
            key = (variant_id, location_id, source.counter)
            held[key] = held.get(key, 0) + units
            read += 1
    explained = {source.counter for source in sources()}
    for row in connection.execute(_standing(first, last)):
        for counter in HELD:
            if counter in explained:
                key = (row.variant_id, row.location_id, counter)
                held[key] = held.get(key, 0) - int(getattr(row, counter))
    wrong = {key: gap for key, gap in held.items() if gap}
    found = []
    for (variant_id, location_id, counter), gap in sorted(wrong.items()):
        level = int(
            connection.execute(
                sa.select(sa.func.coalesce(sa.func.sum(_level[counter]), 0)).where(
                    _level.merchant_id == current_merchant_id(),
                    _level.variant_id == variant_id,
                    _level.location_id == location_id,
                )
            ).scalar_one()
        )
        movement, place = trace_holder(connection, variant_id, location_id, counter)
        found.append(
            Difference(variant_id, location_id, None, counter, HOLDERS, level, level + gap, movement, place)
        )
    return read, found


def _standing(first: int, last: int) -> sa.Select[Any]:
    sums = {counter: sa.func.sum(_level[counter]) for counter in HELD}
    return (
        sa.select(_level.variant_id, _level.location_id, *(sums[counter].label(counter) for counter in HELD))
        .where(
            _level.merchant_id == current_merchant_id(),
            _level.variant_id.between(first, last),
            sa.or_(*(_level[counter] != 0 for counter in HELD)),
        )
        .group_by(_level.variant_id, _level.location_id)
    )
