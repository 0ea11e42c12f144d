"""Move stock by hand. Every change of a level goes through ``apply_moves``: a delta, and the movement that says why."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.stock.models import StockAdjustment
from portal.stock.moving import (
    COUNTERS,
    PROMISED,
    InsufficientStockError,
    Move,
    apply_moves,
)
from portal.stock.settings import NEEDED
from portal.stock.spreading import Figure, taken_from

__all__ = [
    "COUNTERS",
    "MOST_UNITS",
    "PROMISED",
    "SOURCES",
    "InsufficientStockError",
    "Move",
    "adjust_once",
    "adjust_stock",
    "apply_moves",
    "first_time",
    "put_back",
    "set_aside",
    "write_off",
]

MOST_UNITS: Final = 10_000_000
SOURCES: Final = {"available": "On the shelf", "quarantine": "In quarantine", "damaged": "Damaged"}
ADJUSTED: Final = "adjusted"

# All that an act by hand must hold to, in one trip: it was half of what an adjustment took. The location is held until
# the end, so that nobody closes it over units that are just being put there.
_CHECKED: Final = sa.text("""
    SELECT EXISTS (SELECT FROM location AS l WHERE l.merchant_id = :merchant AND l.id = :place AND l.is_active
                   FOR SHARE) AS is_place,
           EXISTS (SELECT FROM variant AS v WHERE v.merchant_id = :merchant AND v.id = :variant AND v.is_stocked) AS is_counted,
           EXISTS (SELECT FROM variant_component AS c WHERE c.merchant_id = :merchant AND c.bundle_id = :variant) AS is_bundle,
           EXISTS (SELECT FROM stock_reason AS r
                   WHERE r.merchant_id = :merchant AND r.id = CAST(:reason AS bigint) AND r.is_active) AS is_reason,
           EXISTS (SELECT FROM membership AS m JOIN stock_setting AS s ON s.merchant_id = m.merchant_id
                   WHERE m.merchant_id = :merchant AND m.user_id = CAST(:person AS bigint)
                     AND s.reason_role_ids @> to_jsonb(m.role_id)) AS needs_reason""")


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
        DomainError: the delta is zero, the variant is not counted, the reason or location is not in use, or the
            person's role must give a reason.
        InsufficientStockError: more would be taken than is available.
    """
    if delta == 0:
        raise DomainError("Enter how many units to add or take away, for example 5 or -2.", field="delta")
    _check(variant_id, location_id, delta, reason_id, by, field="delta")
    parts = [(0, delta)] if delta > 0 else _minus(taken_from(variant_id, location_id, -delta, "available"))
    apply_moves(
        [
            Move(
                variant_id, location_id, "adjusted", on_hand=units, slot=slot, reason_id=reason_id, note=note
            )
            for slot, units in parts
        ],
        by=by,
    )
    _record("stock.adjusted", variant_id, by, location_id=location_id, delta=delta, reason_id=reason_id)


def set_aside(
    variant_id: int,
    location_id: int,
    units: int,
    unavailable_kind: str,
    *,
    by: Actor,
    reason_id: int | None = None,
    note: str | None = None,
) -> None:
    """Take available units out of sale: into quarantine until someone has looked, or as damaged.

    Raises:
        DomainError: as ``adjust_stock``.
        InsufficientStockError: fewer units are available.
    """
    _check_units(variant_id, location_id, units, reason_id, by)
    _check_kind(unavailable_kind)
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
    )
    _record(
        "stock.set_aside",
        variant_id,
        by,
        location_id=location_id,
        units=units,
        kind=unavailable_kind,
        reason_id=reason_id,
    )


def put_back(
    variant_id: int,
    location_id: int,
    units: int,
    unavailable_kind: str,
    *,
    by: Actor,
    reason_id: int | None = None,
    note: str | None = None,
) -> None:
    """Put units that were set aside back on sale.

    Raises:
        DomainError: as ``adjust_stock``.
        InsufficientStockError: fewer units are set aside in that kind.
    """
    _check_units(variant_id, location_id, units, reason_id, by)
    source = _check_kind(unavailable_kind)
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
    )
    _record(
        "stock.put_back",
        variant_id,
        by,
        location_id=location_id,
        units=units,
        kind=unavailable_kind,
        reason_id=reason_id,
    )


def write_off(
    variant_id: int,
    location_id: int,
    units: int,
    source: str,
    *,
    by: Actor,
    reason_id: int | None = None,
    note: str | None = None,
) -> None:
    """Take units off the books for good, from the shelf or from what is set aside (``SOURCES``).

    Raises:
        DomainError: as ``adjust_stock``.
        InsufficientStockError: the source has fewer units.
    """
    _check_units(variant_id, location_id, units, reason_id, by)
    taken = "available" if source == "available" else _check_kind(source)
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
    )
    _record(
        "stock.written_off",
        variant_id,
        by,
        location_id=location_id,
        units=units,
        source=source,
        reason_id=reason_id,
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
    if not first_time(token, ADJUSTED, variant_id, location_id, delta):
        return False
    adjust_stock(variant_id, location_id, delta, by=by, reason_id=reason_id, note=note)
    return True


def first_time(token: uuid.UUID, act: str, variant_id: int, location_id: int, delta: int) -> bool:
    """Whether the form with this *token* comes for the first time; a second request waits for the first one's end.

    Raises:
        DomainError: it came before and asked for something else.
    """
    table = StockAdjustment.__table__
    merchant_id = current_merchant_id()
    asked = {"act": act, "variant_id": variant_id, "location_id": location_id, "delta": delta}
    made = db.session.execute(
        postgresql.insert(table)
        .values(merchant_id=merchant_id, token=token, **asked)
        .on_conflict_do_nothing()
        .returning(table.c.token)
    ).scalar_one_or_none()
    if made is not None:
        return True
    before = db.session.execute(
        sa.select(table.c.act, table.c.variant_id, table.c.location_id, table.c.delta).where(
            table.c.merchant_id == merchant_id, table.c.token == token
        )
    ).one()
    if dict(before._mapping) != asked:
        raise DomainError(
            "This form was sent before with another number. Look at the figures, then adjust again.",
            field="delta",
        )
    return False


def _check_units(variant_id: int, location_id: int, units: int, reason_id: int | None, by: Actor) -> None:
    if units < 1:
        raise DomainError("Enter how many units, for example 2.", field="units")
    _check(variant_id, location_id, units, reason_id, by, field="units")


def _check(
    variant_id: int, location_id: int, units: int, reason_id: int | None, by: Actor, *, field: str
) -> None:
    if abs(units) > MOST_UNITS:
        raise DomainError("That is more than ten million units. Check the number.", field=field)
    found = (
        db.session.connection()
        .execute(
            _CHECKED,
            {
                "merchant": current_merchant_id(),
                "variant": variant_id,
                "place": location_id,
                "reason": reason_id,
                "person": by.id if by.kind == "user" else None,
            },
        )
        .one()
    )
    if not found.is_place:
        raise DomainError("This location is not in use any more.", field="location_id")
    if reason_id is None and found.needs_reason:
        raise DomainError(NEEDED, field="reason_id")
    if reason_id is not None and not found.is_reason:
        raise DomainError("This reason is not in use any more.", field="reason_id")
    if not found.is_counted:
        raise DomainError("This variant is not counted, so it has no stock to adjust.", field=field)
    if found.is_bundle:
        raise DomainError("This is a bundle. Adjust the components it is made of.", field=field)


def _check_kind(unavailable_kind: str) -> Figure:
    if unavailable_kind == "quarantine":
        return "quarantine"
    if unavailable_kind == "damaged":
        return "damaged"
    raise DomainError("Choose quarantine or damaged.", field="kind")


def _minus(parts: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(slot, -units) for slot, units in parts]


def _record(action: str, variant_id: int, by: Actor, **after: object) -> None:
    audit.record(action=action, by=by, subject=("variant", variant_id), after=after)
