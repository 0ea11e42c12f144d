"""The one way a level changes: deltas, and the movements that say why, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core import outbox
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError

COUNTERS: Final = ("on_hand", "allocated", "reserved", "unavailable", "incoming")
PROMISED: Final = ("allocated", "reserved", "unavailable")
DAMAGED: Final = "damaged"
KEPT: Final = (*COUNTERS, DAMAGED)

Level = tuple[int, int, int]

# The movement's id is read when the level is held, so its place in time is the place of its change.
_LOCK: Final = sa.text("""
    SELECT l.variant_id, l.location_id, l.slot, l.on_hand, l.allocated, l.reserved, l.unavailable, l.damaged, l.incoming,
           ARRAY(SELECT c.bundle_id FROM variant_component AS c
                 WHERE c.merchant_id = l.merchant_id AND c.component_id = l.variant_id) AS bundles
    FROM stock_level AS l
    JOIN unnest(CAST(:variants AS bigint[]), CAST(:places AS bigint[]), CAST(:slots AS smallint[]))
         AS w(variant_id, location_id, slot)
      ON w.variant_id = l.variant_id AND w.location_id = l.location_id AND w.slot = l.slot
    WHERE l.merchant_id = :merchant
    ORDER BY l.variant_id, l.location_id, l.slot
    FOR UPDATE OF l""")

_CREATE: Final = sa.text("""
    INSERT INTO stock_level (merchant_id, variant_id, location_id, slot)
    SELECT :merchant, w.variant_id, w.location_id, w.slot
    FROM unnest(CAST(:variants AS bigint[]), CAST(:places AS bigint[]), CAST(:slots AS smallint[]))
         AS w(variant_id, location_id, slot)
    ORDER BY w.variant_id, w.location_id, w.slot
    ON CONFLICT DO NOTHING""")

_WRITE: Final = sa.text("""
    WITH changed AS (
        UPDATE stock_level AS l
        SET on_hand = l.on_hand + d.on_hand, allocated = l.allocated + d.allocated, reserved = l.reserved + d.reserved,
            unavailable = l.unavailable + d.unavailable, damaged = l.damaged + d.damaged, incoming = l.incoming + d.incoming,
            updated_at = now()
        FROM unnest(CAST(:variants AS bigint[]), CAST(:places AS bigint[]), CAST(:slots AS smallint[]),
                    CAST(:on_hand AS integer[]), CAST(:allocated AS integer[]), CAST(:reserved AS integer[]),
                    CAST(:unavailable AS integer[]), CAST(:damaged AS integer[]), CAST(:incoming AS integer[]))
             AS d(variant_id, location_id, slot, on_hand, allocated, reserved, unavailable, damaged, incoming)
        WHERE l.merchant_id = :merchant AND l.variant_id = d.variant_id AND l.location_id = d.location_id AND l.slot = d.slot
    )
    INSERT INTO stock_movement (
        merchant_id, actor_kind, actor_id, variant_id, location_id, slot, kind, on_hand_delta, allocated_delta, reserved_delta,
        unavailable_delta, incoming_delta, unavailable_kind, on_hand_after, promised_after, incoming_after, cause_kind, cause_id,
        reason_id, unit_cost, note)
    SELECT :merchant, :actor_kind, CAST(:actor_id AS bigint), m.*
    FROM unnest(CAST(:m_variants AS bigint[]), CAST(:m_places AS bigint[]), CAST(:m_slots AS smallint[]),
                CAST(:m_kinds AS text[]), CAST(:m_on_hand AS integer[]), CAST(:m_allocated AS integer[]),
                CAST(:m_reserved AS integer[]), CAST(:m_unavailable AS integer[]), CAST(:m_incoming AS integer[]),
                CAST(:m_unavailable_kinds AS text[]), CAST(:m_on_hand_after AS integer[]),
                CAST(:m_promised_after AS integer[]), CAST(:m_incoming_after AS integer[]), CAST(:m_cause_kinds AS text[]),
                CAST(:m_cause_ids AS bigint[]), CAST(:m_reason_ids AS bigint[]), CAST(:m_unit_costs AS numeric[]),
                CAST(:m_notes AS text[])) AS m""")


class InsufficientStockError(ConflictError):
    """A move would take more than there is; ``variant_ids`` names the variants, ``levels`` where it is short."""

    def __init__(self, levels: Sequence[Level]) -> None:
        super().__init__(
            "There is not enough stock for this. Someone may have sold or moved it since you looked."
        )
        self.levels = list(levels)
        self.variant_ids = sorted({variant_id for variant_id, _, _ in levels})


@dataclass(frozen=True, slots=True)
class Move:
    """A change of one level, in units: positive adds, negative takes.

    Units put into or taken from ``unavailable`` are of an ``unavailable_kind``: quarantine, unless it says damaged.
    """

    variant_id: int
    location_id: int
    kind: str
    on_hand: int = 0
    allocated: int = 0
    reserved: int = 0
    unavailable: int = 0
    incoming: int = 0
    unavailable_kind: str | None = None
    slot: int = 0
    cause_kind: str = "person"
    cause_id: int | None = None
    reason_id: int | None = None
    unit_cost: Decimal | None = None
    note: str | None = None

    @property
    def level(self) -> Level:
        """The level it changes, in the order in which levels are locked everywhere."""
        return (self.variant_id, self.location_id, self.slot)

    @property
    def damaged(self) -> int:
        """The part of ``unavailable`` that is damaged."""
        return self.unavailable if self.unavailable_kind == DAMAGED else 0


def apply_moves(moves: Iterable[Move], *, by: Actor) -> None:
    """Change levels and write the ledger, all or nothing, within the caller's transaction: three statements.

    Levels are locked in one global order (variant, location, slot), so two baskets cannot wait for each other. Several
    moves of one level count together; each movement keeps the figures after it.

    Raises:
        InsufficientStockError: a level would promise more than is on hand; nothing was changed.
    """
    rows = [move for move in moves if any(getattr(move, counter) for counter in COUNTERS)]
    if not rows:
        return
    deltas = _deltas(rows)
    held = hold(list(deltas))
    short = [level for level in deltas if not _stays_whole(held[level], deltas[level])]
    if short:
        raise InsufficientStockError(short)
    _write(rows, deltas, held, by)
    changed = {move.variant_id for move in rows}.union(*(figures["bundles"] for figures in held.values()))
    outbox.publish_many(
        "stock.changed",
        [(f"variant:{variant_id}", {"variant_id": variant_id}) for variant_id in sorted(changed)],
    )


def _deltas(moves: Sequence[Move]) -> dict[Level, dict[str, int]]:
    """What each level changes by in all, in the order of locking."""
    summed: dict[Level, dict[str, int]] = defaultdict(lambda: dict.fromkeys(KEPT, 0))
    for move in moves:
        delta = summed[move.level]
        for counter in KEPT:
            delta[counter] += getattr(move, counter)
    return {level: summed[level] for level in sorted(summed)}


def hold(levels: Sequence[Level]) -> dict[Level, dict[str, Any]]:
    """The levels as they stand, by level, locked until the transaction ends; those that never were are made.

    Each holds its counters and ``bundles``, the bundles its variant is part of. Name the levels in order.
    """
    keys = {"merchant": current_merchant_id()} | _columns(levels)
    found = db.session.execute(_LOCK, keys).mappings().all()
    if len(found) < len(levels):
        db.session.execute(_CREATE, keys)
        found = db.session.execute(_LOCK, keys).mappings().all()
    return {(row["variant_id"], row["location_id"], row["slot"]): dict(row) for row in found}


def _stays_whole(level: Mapping[str, int], delta: Mapping[str, int]) -> bool:
    after = {counter: level[counter] + delta[counter] for counter in KEPT}
    available = after["on_hand"] - sum(after[counter] for counter in PROMISED)
    return available >= 0 and min(after.values()) >= 0 and after[DAMAGED] <= after["unavailable"]


def _write(
    moves: Sequence[Move],
    deltas: Mapping[Level, Mapping[str, int]],
    held: Mapping[Level, dict[str, int]],
    by: Actor,
) -> None:
    after = []
    for move in moves:
        figures = held[move.level]
        for counter in COUNTERS:
            figures[counter] += getattr(move, counter)
        after.append((figures["on_hand"], sum(figures[counter] for counter in PROMISED), figures["incoming"]))
    db.session.execute(
        _WRITE,
        {"merchant": current_merchant_id(), "actor_kind": by.kind, "actor_id": by.id}
        | _columns(list(deltas))
        | {counter: [delta[counter] for delta in deltas.values()] for counter in KEPT}
        | {f"m_{name}": values for name, values in _columns([move.level for move in moves]).items()}
        | {f"m_{counter}": [getattr(move, counter) for move in moves] for counter in COUNTERS}
        | {
            "m_kinds": [move.kind for move in moves],
            "m_unavailable_kinds": [_unavailable_kind(move) for move in moves],
            "m_on_hand_after": [on_hand for on_hand, _, _ in after],
            "m_promised_after": [promised for _, promised, _ in after],
            "m_incoming_after": [incoming for _, _, incoming in after],
            "m_cause_kinds": [move.cause_kind for move in moves],
            "m_cause_ids": [move.cause_id for move in moves],
            "m_reason_ids": [move.reason_id for move in moves],
            "m_unit_costs": [move.unit_cost for move in moves],
            "m_notes": [move.note for move in moves],
        },
    )


def _unavailable_kind(move: Move) -> str | None:
    return (move.unavailable_kind or "quarantine") if move.unavailable else None


def _columns(levels: Sequence[Level]) -> dict[str, list[int]]:
    return {
        "variants": [variant_id for variant_id, _, _ in levels],
        "places": [location_id for _, location_id, _ in levels],
        "slots": [slot for _, _, slot in levels],
    }
