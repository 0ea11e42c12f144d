"""How every change of stock by hand begins: once per form, at a location in use, with the reason its person owes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError
from portal.stock.settings import NEEDED

MOST_UNITS: Final = 10_000_000

# One call of a function whose plans are kept: migrations/functions/stock.sql.
_BEGIN: Final = sa.text("""
    SELECT is_new, is_same, sku, place, is_open, is_counted, is_bundle, is_reason, needs_reason
    FROM begin_act(
        :merchant, CAST(:token AS uuid), :act, CAST(:variant AS bigint), CAST(:place AS bigint), :units, CAST(:reason AS bigint),
        CAST(:person AS bigint))""")


@dataclass(frozen=True, slots=True)
class Begun:
    """The level that an act is about, in words. ``is_new`` is false when its form came before: it was counted then."""

    is_new: bool
    sku: str
    location: str


def begin_act(
    act: str,
    variant_id: int,
    location_id: int,
    units: int,
    *,
    field: str,
    token: uuid.UUID | None,
    reason_id: int | None,
    by: Actor,
) -> Begun:
    """Check all that an act by hand must hold to, and hold its location until the transaction ends.

    Args:
        act: what is done; with the other figures it is what the form asked for.
        field: the field of the form that holds the units.
        token: the form's own; the same token counts once. None for what no form asked for.

    Raises:
        NotFoundError: the merchant has no such variant or location.
        DomainError: too many units, the variant is not counted or a bundle, the reason or location is not in use, the
            person's role must give a reason, or the token came before and asked for something else.
    """
    if abs(units) > MOST_UNITS:
        raise DomainError("That is more than ten million units. Check the number.", field=field)
    found = db.session.execute(
        _BEGIN,
        {
            "merchant": current_merchant_id(),
            "token": token,
            "act": act,
            "variant": variant_id,
            "place": location_id,
            "units": units,
            "reason": reason_id,
            "person": by.id if by.kind == "user" else None,
        },
    ).one_or_none()
    if found is None:
        raise NotFoundError()
    if not found.is_same:
        raise DomainError(
            "This form was sent before with another number. Look at the figures, then adjust again.",
            field=field,
        )
    if found.is_new:
        _refuse(found, reason_id, field)
    return Begun(found.is_new, found.sku, found.place)


def _refuse(found: sa.Row[tuple[object, ...]], reason_id: int | None, field: str) -> None:
    if not found.is_open:
        raise DomainError("This location is not in use any more.", field="location_id")
    if reason_id is None and found.needs_reason:
        raise DomainError(NEEDED, field="reason_id")
    if reason_id is not None and not found.is_reason:
        raise DomainError("This reason is not in use any more.", field="reason_id")
    if not found.is_counted:
        raise DomainError("This variant is not counted, so it has no stock to adjust.", field=field)
    if found.is_bundle:
        raise DomainError("This is a bundle. Adjust the components it is made of.", field=field)
