"""The one way a level changes: deltas, and the movements that say why, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import Actor, Entry
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError
from portal.core.jobs.ringing import ring_for_events

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

# A function whose plans are kept: migrations/functions/stock.sql. It gives the levels that are short.
MOVE_STOCK: Final = (
    "move_stock(:merchant, CAST(:moves AS jsonb), :are_held, :actor_kind, CAST(:actor_id AS bigint))"
)

_MOVE: Final = sa.text(f"SELECT short_variant, short_location, short_slot FROM {MOVE_STOCK}")
_MOVE_AND_LOG: Final = sa.text(f"""
    WITH short AS (SELECT short_variant, short_location, short_slot FROM {MOVE_STOCK}),
         logged AS ({audit.INSERT} WHERE NOT EXISTS (SELECT FROM short))
    SELECT short_variant, short_location, short_slot FROM short""")


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


_FIELDS: Final = tuple(field.name for field in fields(Move) if field.name != "unavailable_kind")


def apply_moves(moves: Iterable[Move], *, by: Actor, entry: Entry | None = None) -> None:
    """Change levels and write the ledger, all or nothing, within the caller's transaction: one call.

    Levels are locked in one global order (variant, location, slot), so two baskets cannot wait for each other. Several
    moves of one level count together; each movement keeps the figures after it.

    Args:
        entry: what the audit log says of it, where the moves are an act of their own.

    Raises:
        InsufficientStockError: a level would promise more than is on hand; nothing was changed.
    """
    call = arguments_of(moves, by=by)
    if call:
        statement = _MOVE
        if entry is not None:
            statement, call = _MOVE_AND_LOG, call | audit.row_of(entry, by)
        refuse_short(db.session.execute(statement, call).all())
        ring_for_events(db.session(), current_merchant_id())


def arguments_of(moves: Iterable[Move], *, are_held: bool = False, by: Actor) -> dict[str, Any]:
    """The arguments of ``MOVE_STOCK``, for a statement that does more; none when nothing changes.

    Args:
        are_held: the caller holds all levels and saw that they have enough.
    """
    rows = [move for move in moves if any(getattr(move, counter) for counter in COUNTERS)]
    if not rows:
        return {}
    return {
        "merchant": current_merchant_id(),
        "moves": json.dumps([_document(move) for move in rows], default=str),
        "are_held": are_held,
        "actor_kind": by.kind,
        "actor_id": by.id,
    }


def refuse_short(found: Iterable[sa.Row[Any]]) -> None:
    """Raise ``InsufficientStockError`` when ``MOVE_STOCK`` gave a level."""
    short = [(row.short_variant, row.short_location, row.short_slot) for row in found if row.short_variant]
    if short:
        raise InsufficientStockError(short)


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


def _document(move: Move) -> dict[str, Any]:
    """A move as ``move_stock`` reads it; what is not known is left out."""
    values = {name: value for name in _FIELDS if (value := getattr(move, name)) is not None}
    if move.unavailable:
        values["unavailable_kind"] = move.unavailable_kind or "quarantine"
    return values | {DAMAGED: move.damaged}


def _columns(levels: Sequence[Level]) -> dict[str, list[int]]:
    return {
        "variants": [variant_id for variant_id, _, _ in levels],
        "places": [location_id for _, location_id, _ in levels],
        "slots": [slot for _, _, slot in levels],
    }
