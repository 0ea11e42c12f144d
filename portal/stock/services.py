"""Move stock. Every change of a level goes through ``apply_moves``: a delta, and the movement that says why."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.catalog.models import Variant
from portal.core import audit, outbox
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.stock.models import Location, StockAdjustment, StockLevel, StockMovement, StockReason

MOST_UNITS: Final = 10_000_000
COUNTERS: Final = ("on_hand", "allocated", "reserved", "unavailable", "incoming")
PROMISED: Final = ("allocated", "reserved", "unavailable")

_level: Final = StockLevel.__table__
_movement: Final = StockMovement.__table__


class InsufficientStockError(ConflictError):
    """A move would take more than is available; ``variant_ids`` names the variants."""

    def __init__(self, variant_ids: Sequence[int]) -> None:
        super().__init__(
            "There is not enough stock for this. Someone may have sold or moved it since you looked."
        )
        self.variant_ids = list(variant_ids)


@dataclass(frozen=True, slots=True)
class Move:
    """A change of one level, in units: positive adds, negative takes."""

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
    def level(self) -> tuple[int, int, int]:
        """The level it changes, in the order in which levels are locked everywhere."""
        return (self.variant_id, self.location_id, self.slot)


def apply_moves(moves: Iterable[Move], *, by: Actor) -> None:
    """Change levels and write the ledger, all or nothing, within the caller's transaction.

    Levels are locked in one global order (variant, location, slot), so two baskets cannot wait for each other.

    Raises:
        InsufficientStockError: a level would promise more than is on hand; nothing was changed.
    """
    rows = [move for move in moves if any(getattr(move, counter) for counter in COUNTERS)]
    if not rows:
        return
    before = _change_levels(rows)
    db.session.execute(sa.insert(_movement), _movement_rows(rows, before, by))
    for variant_id in sorted({move.variant_id for move in rows}):
        outbox.publish(kind="stock.changed", key=f"variant:{variant_id}", payload={"variant_id": variant_id})


def adjust_stock(
    variant_id: int,
    location_id: int,
    delta: int,
    *,
    by: Actor,
    reason_id: int | None = None,
    note: str | None = None,
) -> None:
    """Correct what is on hand by *delta* units, as a person who saw the shelf.

    Raises:
        DomainError: the delta is zero, the variant is not counted, or the reason or location is not in use.
        InsufficientStockError: more would be taken than is available.
    """
    if delta == 0:
        raise DomainError("Enter how many units to add or take away, for example 5 or -2.", field="delta")
    if abs(delta) > MOST_UNITS:
        raise DomainError("That is more than ten million units. Check the number.", field="delta")
    _require_active(Location, location_id, "location_id", "This location is not in use any more.")
    if reason_id is not None:
        _require_active(StockReason, reason_id, "reason_id", "This reason is not in use any more.")
    _require_counted(variant_id)
    apply_moves(
        [
            Move(
                variant_id, location_id, "adjusted", on_hand=units, slot=slot, reason_id=reason_id, note=note
            )
            for slot, units in _spread(variant_id, location_id, delta)
        ],
        by=by,
    )
    audit.record(
        action="stock.adjusted",
        by=by,
        subject=("variant", variant_id),
        after={"location_id": location_id, "delta": delta, "reason_id": reason_id},
    )


def adjust_once(
    token: uuid.UUID,
    variant_id: int,
    location_id: int,
    delta: int,
    *,
    by: Actor,
    reason_id: int | None = None,
    note: str | None = None,
) -> bool:
    """``adjust_stock`` for a form that may be sent twice: the same *token* counts once. Says whether it counted now.

    Raises:
        DomainError: as ``adjust_stock``, or the token was sent before with other values.
    """
    table = StockAdjustment.__table__
    merchant_id = current_merchant_id()
    asked = {"variant_id": variant_id, "location_id": location_id, "delta": delta}
    # A second request waits here until the first one has committed or failed.
    made = db.session.execute(
        postgresql.insert(table)
        .values(merchant_id=merchant_id, token=token, **asked)
        .on_conflict_do_nothing()
        .returning(table.c.token)
    ).scalar_one_or_none()
    if made is not None:
        adjust_stock(variant_id, location_id, delta, by=by, reason_id=reason_id, note=note)
        return True
    before = db.session.execute(
        sa.select(table.c.variant_id, table.c.location_id, table.c.delta).where(
            table.c.merchant_id == merchant_id, table.c.token == token
        )
    ).one()
    if dict(before._mapping) != asked:
        raise DomainError(
            "This form was sent before with another number. Look at the figures, then adjust again.",
            field="delta",
        )
    return False


def _spread(variant_id: int, location_id: int, delta: int) -> list[tuple[int, int]]:
    """Which slots of a level give the units: the first one that can, one after the other for hot variants."""
    if delta > 0:
        return [(0, delta)]
    rows = db.session.execute(
        sa.select(
            _level.c.slot,
            (_level.c.on_hand - _level.c.allocated - _level.c.reserved - _level.c.unavailable).label(
                "available"
            ),
        )
        .where(
            _level.c.merchant_id == current_merchant_id(),
            _level.c.variant_id == variant_id,
            _level.c.location_id == location_id,
        )
        .order_by(_level.c.slot)
        .with_for_update()
    ).all()
    parts, left = [], -delta
    for row in rows:
        taken = min(left, row.available)
        if taken > 0:
            parts.append((row.slot, -taken))
            left -= taken
    # What no slot has is asked of the first one, which refuses the whole.
    return parts if not left else [(0, delta)]


def _require_counted(variant_id: int) -> None:
    variant = db.session.get(Variant, (current_merchant_id(), variant_id))
    if variant is None or not variant.is_stocked:
        raise DomainError("This variant is not counted, so it has no stock to adjust.", field="delta")


def _change_levels(moves: Sequence[Move]) -> dict[tuple[int, int, int], dict[str, int]]:
    """Add the deltas of all moves to their levels; gives the counters as they stood before."""
    merchant_id = current_merchant_id()
    deltas: dict[tuple[int, int, int], dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTERS, 0))
    for move in moves:
        for counter in COUNTERS:
            deltas[move.level][counter] += getattr(move, counter)
    keys = sorted(deltas)
    db.session.execute(
        postgresql.insert(_level).on_conflict_do_nothing(),
        [
            {"merchant_id": merchant_id, "variant_id": v, "location_id": place, "slot": s}
            for v, place, s in keys
        ],
    )
    key_columns = sa.tuple_(_level.c.variant_id, _level.c.location_id, _level.c.slot)
    held = (
        db.session.execute(
            sa.select(_level)
            .where(_level.c.merchant_id == merchant_id, key_columns.in_(keys))
            .order_by(_level.c.variant_id, _level.c.location_id, _level.c.slot)
            .with_for_update()
        )
        .mappings()
        .all()
    )
    short = [row["variant_id"] for row in held if not _stays_whole(row, deltas[_key(row)])]
    if short or len(held) != len(keys):
        raise InsufficientStockError(sorted(set(short)))
    wanted = sa.values(
        *(sa.column(name, sa.BigInteger) for name in ("variant_id", "location_id", "slot", *COUNTERS)),
        name="wanted",
    ).data([(*key, *(deltas[key][counter] for counter in COUNTERS)) for key in keys])
    db.session.execute(
        sa.update(_level)
        .where(
            _level.c.merchant_id == merchant_id,
            *(_level.c[name] == wanted.c[name] for name in ("variant_id", "location_id", "slot")),
        )
        .values(
            {counter: _level.c[counter] + sa.cast(wanted.c[counter], sa.Integer) for counter in COUNTERS}
            | {"updated_at": sa.func.now()}
        )
    )
    return {_key(row): {counter: row[counter] for counter in COUNTERS} for row in held}


def _stays_whole(row: sa.RowMapping, delta: dict[str, int]) -> bool:
    after = {counter: row[counter] + delta[counter] for counter in COUNTERS}
    available = after["on_hand"] - after["allocated"] - after["reserved"] - after["unavailable"]
    return bool(available >= 0 and min(after.values()) >= 0)


def _key(row: sa.RowMapping) -> tuple[int, int, int]:
    return (row["variant_id"], row["location_id"], row["slot"])


def _movement_rows(
    moves: Sequence[Move], figures: dict[tuple[int, int, int], dict[str, int]], by: Actor
) -> list[dict[str, Any]]:
    rows = []
    for move in moves:
        level = figures[move.level]
        for counter in COUNTERS:
            level[counter] += getattr(move, counter)
        rows.append(
            {
                "merchant_id": current_merchant_id(),
                "variant_id": move.variant_id,
                "location_id": move.location_id,
                "slot": move.slot,
                "kind": move.kind,
                "cause_kind": move.cause_kind,
                "cause_id": move.cause_id,
                "actor_kind": by.kind,
                "actor_id": by.id,
                "reason_id": move.reason_id,
                "unit_cost": move.unit_cost,
                "note": move.note,
                "unavailable_kind": move.unavailable_kind,
                "on_hand_after": level["on_hand"],
                "promised_after": sum(level[counter] for counter in PROMISED),
                **{f"{counter}_delta": getattr(move, counter) for counter in COUNTERS},
            }
        )
    return rows


def _require_active(model: type[Location | StockReason], key: int, field: str, message: str) -> None:
    if db.session.scalar(sa.select(model.is_active).where(model.id == key)) is not True:
        raise DomainError(message, field=field)
