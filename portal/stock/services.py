"""Move stock by hand. Every change of a level goes through ``apply_moves``: a delta, and the movement that says why."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

from portal.core.audit import Actor, Entry
from portal.core.errors import DomainError
from portal.stock.acting import MOST_UNITS, Begun, begin_act
from portal.stock.moving import (
    COUNTERS,
    PROMISED,
    InsufficientStockError,
    Move,
    apply_moves,
)
from portal.stock.spreading import Figure, taken_from

__all__ = [
    "COUNTERS",
    "MOST_UNITS",
    "PROMISED",
    "SOURCES",
    "InsufficientStockError",
    "Move",
    "adjust_stock",
    "apply_moves",
    "put_back",
    "set_aside",
    "write_off",
]

SOURCES: Final = {"available": "On the shelf", "quarantine": "In quarantine", "damaged": "Damaged"}


def adjust_stock(
    variant_id: int,
    location_id: int,
    delta: int,
    *,
    by: Actor,
    token: uuid.UUID | None = None,
    reason_id: int | None = None,
    note: str | None = None,
) -> Begun:
    """Correct what is on hand by *delta* units, as a person who saw the shelf.

    The same *token* counts once: a form may be sent twice.

    Raises:
        NotFoundError: the merchant has no such variant or location.
        DomainError: the delta is zero, or as ``begin_act``.
        InsufficientStockError: more would be taken than is available.
    """
    if delta == 0:
        raise DomainError("Enter how many units to add or take away, for example 5 or -2.", field="delta")
    begun = begin_act(
        "adjusted", variant_id, location_id, delta, field="delta", token=token, reason_id=reason_id, by=by
    )
    if not begun.is_new:
        return begun
    parts = [(0, delta)] if delta > 0 else _minus(taken_from(variant_id, location_id, -delta, "available"))
    apply_moves(
        [
            Move(
                variant_id, location_id, "adjusted", on_hand=units, slot=slot, reason_id=reason_id, note=note
            )
            for slot, units in parts
        ],
        by=by,
        entry=_entry("stock.adjusted", variant_id, location_id=location_id, delta=delta, reason_id=reason_id),
    )
    return begun


def set_aside(
    variant_id: int,
    location_id: int,
    units: int,
    unavailable_kind: str,
    *,
    by: Actor,
    token: uuid.UUID | None = None,
    reason_id: int | None = None,
    note: str | None = None,
) -> Begun:
    """Take available units out of sale: into quarantine until someone has looked, or as damaged.

    Raises:
        DomainError: as ``adjust_stock``.
        InsufficientStockError: fewer units are available.
    """
    _check_kind(unavailable_kind)
    begun = _begin(f"set aside: {unavailable_kind}", variant_id, location_id, units, token, reason_id, by)
    if not begun.is_new:
        return begun
    apply_moves(
        [
            Move(
                variant_id,
                location_id,
                "quarantined",
                unavailable=taken,
                unavailable_kind=unavailable_kind,
                slot=slot,
                reason_id=reason_id,
                note=note,
            )
            for slot, taken in taken_from(variant_id, location_id, units, "available")
        ],
        by=by,
        entry=_entry(
            "stock.set_aside",
            variant_id,
            location_id=location_id,
            units=units,
            kind=unavailable_kind,
            reason_id=reason_id,
        ),
    )
    return begun


def put_back(
    variant_id: int,
    location_id: int,
    units: int,
    unavailable_kind: str,
    *,
    by: Actor,
    token: uuid.UUID | None = None,
    reason_id: int | None = None,
    note: str | None = None,
) -> Begun:
    """Put units that were set aside back on sale.

    Raises:
        DomainError: as ``adjust_stock``.
        InsufficientStockError: fewer units are set aside in that kind.
    """
    source = _check_kind(unavailable_kind)
    begun = _begin(f"put back: {unavailable_kind}", variant_id, location_id, units, token, reason_id, by)
    if not begun.is_new:
        return begun
    apply_moves(
        [
            Move(
                variant_id,
                location_id,
                "unquarantined",
                unavailable=-taken,
                unavailable_kind=unavailable_kind,
                slot=slot,
                reason_id=reason_id,
                note=note,
            )
            for slot, taken in taken_from(variant_id, location_id, units, source)
        ],
        by=by,
        entry=_entry(
            "stock.put_back",
            variant_id,
            location_id=location_id,
            units=units,
            kind=unavailable_kind,
            reason_id=reason_id,
        ),
    )
    return begun


def write_off(
    variant_id: int,
    location_id: int,
    units: int,
    source: str,
    *,
    by: Actor,
    token: uuid.UUID | None = None,
    reason_id: int | None = None,
    note: str | None = None,
) -> Begun:
    """Take units off the books for good, from the shelf or from what is set aside (``SOURCES``).

    Raises:
        DomainError: as ``adjust_stock``.
        InsufficientStockError: the source has fewer units.
    """
    taken = "available" if source == "available" else _check_kind(source)
    begun = _begin(f"written off: {source}", variant_id, location_id, units, token, reason_id, by)
    if not begun.is_new:
        return begun
    apply_moves(
        [
            Move(
                variant_id,
                location_id,
                "written_off",
                on_hand=-gone,
                unavailable=0 if taken == "available" else -gone,
                unavailable_kind=None if taken == "available" else source,
                slot=slot,
                reason_id=reason_id,
                note=note,
            )
            for slot, gone in taken_from(variant_id, location_id, units, taken)
        ],
        by=by,
        entry=_entry(
            "stock.written_off",
            variant_id,
            location_id=location_id,
            units=units,
            source=source,
            reason_id=reason_id,
        ),
    )
    return begun


def _begin(
    act: str,
    variant_id: int,
    location_id: int,
    units: int,
    token: uuid.UUID | None,
    reason_id: int | None,
    by: Actor,
) -> Begun:
    if units < 1:
        raise DomainError("Enter how many units, for example 2.", field="units")
    return begin_act(
        act, variant_id, location_id, units, field="units", token=token, reason_id=reason_id, by=by
    )


def _check_kind(unavailable_kind: str) -> Figure:
    if unavailable_kind == "quarantine":
        return "quarantine"
    if unavailable_kind == "damaged":
        return "damaged"
    raise DomainError("Choose quarantine or damaged.", field="kind")


def _minus(parts: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(slot, -units) for slot, units in parts]


def _entry(action: str, variant_id: int, **after: object) -> Entry:
    return Entry(action, ("variant", variant_id), after=after)
