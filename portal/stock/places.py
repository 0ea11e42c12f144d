"""Locations and reasons: what a merchant sets up before it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.naming import slug_of
from portal.catalog.uniqueness import unique
from portal.core import audit
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.core.merging import merged
from portal.stock.models import LOCATION_KINDS, Location, StockLevel, StockReason

LOCATION_FIELDS: Final = ("name", "code", "kind", "address", "country_code", "position")
REASON_FIELDS: Final = ("label", "code")
KIND_LABELS: Final = {
    "warehouse": "Warehouse",
    "store": "Store",
    "virtual": "Virtual: drop-shipping, on its way",
}
LOCATION_KEY: Final = "location_merchant_id_code_key"
REASON_KEY: Final = "stock_reason_merchant_id_code_key"
REASON_TAKEN: Final = "Another reason has this code."


def add_location(values: Mapping[str, Any], *, by: Actor) -> Location:
    """A new place for stock.

    Raises:
        DomainError: a value is wrong, or another location has the code.
    """
    location = Location(**_location_columns(_cleaned(values, LOCATION_FIELDS)))
    with unique(LOCATION_KEY, "Another location has this code.", field="code"):
        db.session.add(location)
    _tell("location.created", location, {}, location_values(location), by)
    return location


def change_location(
    location: Location, values: Mapping[str, Any], *, base: Mapping[str, Any], version: int, by: Actor
) -> None:
    """Save what a person typed over what stands, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: a value is wrong, or another location has the code.
    """
    now, mine = location_values(location), _cleaned(values, LOCATION_FIELDS)
    wanted = mine if location.version == version else merged(now, base, mine, version=location.version)
    changed = sorted(name for name in wanted if wanted[name] != now[name])
    if not changed:
        return
    columns = _location_columns(wanted)
    with unique(LOCATION_KEY, "Another location has this code.", field="code"):
        for name, value in columns.items():
            setattr(location, name, value)
    _tell("location.updated", location, {n: now[n] for n in changed}, {n: wanted[n] for n in changed}, by)


def switch_location(location: Location, *, on: bool, by: Actor) -> None:
    """Use a location, or use it no longer. It stays in the ledger.

    Raises:
        ConflictError: units still lie there, or are on their way.
    """
    if location.is_active == on:
        return
    if not on:
        _require_empty(location)
    location.is_active = on
    db.session.flush()
    _tell(
        "location.activated" if on else "location.deactivated",
        location,
        {"is_active": not on},
        {"is_active": on},
        by,
    )


def _require_empty(location: Location) -> None:
    """Its row is locked: acts by hand that add units hold it, too, so they are seen here or see it closed."""
    here, coming = db.session.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(StockLevel.on_hand), 0),
            sa.func.coalesce(sa.func.sum(StockLevel.incoming), 0),
        ).where(StockLevel.location_id == location.id)
    ).one()
    if here:
        raise ConflictError(
            f"{here:,} {'unit still lies' if here == 1 else 'units still lie'} at {location.name}. "
            "Move them or take them off the books first."
        )
    if coming:
        raise ConflictError(
            f"{coming:,} {'unit is' if coming == 1 else 'units are'} on the way to {location.name}. "
            "Receive them, or close their transfers and purchase orders first."
        )


def location_values(location: Location) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {
        "name": location.name,
        "code": location.code,
        "kind": location.kind,
        "address": location.address or "",
        "country_code": location.country_code or "",
        "position": str(location.position),
    }


def add_reason(values: Mapping[str, Any], *, by: Actor) -> StockReason:
    """A new reason for adjustments.

    Raises:
        DomainError: a value is wrong, or another reason has the code.
    """
    reason = StockReason(**_reason_columns(_cleaned(values, REASON_FIELDS)))
    with unique(REASON_KEY, REASON_TAKEN, field="code"):
        db.session.add(reason)
    _tell_reason(reason, {}, reason_values(reason), by)
    return reason


def change_reason(
    reason: StockReason, values: Mapping[str, Any], *, base: Mapping[str, Any], by: Actor
) -> None:
    """Save a reason over what stands, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: as ``add_reason``.
    """
    before = reason_values(reason)
    wanted = _reason_columns(merged(before, base, _cleaned(values, REASON_FIELDS), version=reason.version))
    with unique(REASON_KEY, REASON_TAKEN, field="code"):
        reason.label, reason.code = wanted["label"], wanted["code"]
    after = reason_values(reason)
    if after != before:
        _tell_reason(reason, before, after, by)


def switch_reason(reason: StockReason, *, on: bool, by: Actor) -> None:
    """Offer a reason, or offer it no longer. Movements keep it."""
    if reason.is_active == on:
        return
    reason.is_active = on
    db.session.flush()
    _tell_reason(reason, {"is_active": not on}, {"is_active": on}, by)


def reason_values(reason: StockReason) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {"label": reason.label, "code": reason.code}


def _cleaned(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: typed.text_of(values.get(name)) for name in names}


def _location_columns(text: Mapping[str, str]) -> dict[str, Any]:
    name = typed.short_text(text["name"], "name", "The name", most=120)
    if not name:
        raise DomainError("Enter a name, such as Main warehouse.", field="name")
    if text["kind"] not in LOCATION_KINDS:
        raise DomainError("Choose what kind of place it is.", field="kind")
    country = text["country_code"].upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise DomainError("Choose a country of the list.", field="country_code")
    return {
        "name": name,
        "code": slug_of(text["code"] or name, "location").upper()[:40],
        "kind": text["kind"],
        "address": typed.long_text(text["address"], "address", "The address", most=1_000) or None,
        "country_code": country or None,
        "position": typed.whole(text["position"], "position", "The place", most=10_000) or 0,
    }


def _reason_columns(text: Mapping[str, str]) -> dict[str, str]:
    label = typed.short_text(text["label"], "label", "The reason", most=80)
    if not label:
        raise DomainError("Enter a reason, such as Damaged.", field="label")
    return {"label": label, "code": slug_of(text["code"] or label, "reason")[:40]}


def _tell_reason(reason: StockReason, before: Mapping[str, Any], after: Mapping[str, Any], by: Actor) -> None:
    audit.record("stock_reason.saved", by=by, subject=("stock_reason", reason.id), before=before, after=after)


def _tell(
    action: str, location: Location, before: Mapping[str, Any], after: Mapping[str, Any], by: Actor
) -> None:
    announce(
        action,
        by=by,
        subject=("location", location.id),
        before=before,
        after=after,
        event="location.changed",
        key=f"location:{location.id}",
        payload={"location_id": location.id},
    )
