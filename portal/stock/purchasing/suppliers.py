"""Suppliers and what they supply. The person to write to at a supplier is a data subject: changes are sealed under their key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.catalog import typed
from portal.catalog.models import Variant
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.merging import merged
from portal.core.money import minor_units
from portal.core.normalise import email_key, fold, phone_key
from portal.core.subjects import DataSubject
from portal.stock.models import Supplier, SupplierItem
from portal.stock.papers import MOST_LINES, tell
from portal.stock.scanning import MOST_SCANNED, scanned_goods

SUPPLIER_FIELDS: Final = (
    "name",
    "contact_name",
    "email",
    "phone",
    "address",
    "country_code",
    "locale",
    "currency",
    "lead_days",
)
PERSONAL: Final = ("contact_name", "email", "phone")
SUBJECT: Final = "supplier"
LOCALES: Final = {"en": "English", "de": "German"}
MOST_DAYS: Final = 730
MOST_ITEMS: Final = MOST_LINES


def add_supplier(values: Mapping[str, Any], *, by: Actor) -> Supplier:
    """A new supplier.

    Raises:
        DomainError: the name is missing, or a value is wrong.
    """
    columns = _columns(_texts(values))
    subject = DataSubject()
    db.session.add(subject)
    db.session.flush()
    supplier = Supplier(subject_id=subject.id, **columns)
    db.session.add(supplier)
    db.session.flush()
    _record(supplier, "supplier.created", {}, supplier_values(supplier), by)
    return supplier


def change_supplier(
    supplier: Supplier, values: Mapping[str, Any], *, base: Mapping[str, Any], version: int, by: Actor
) -> None:
    """Save what a person typed over what stands, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: a value is wrong.
    """
    now, mine = supplier_values(supplier), _texts(values)
    wanted = mine if supplier.version == version else merged(now, base, mine, version=supplier.version)
    changed = sorted(name for name in wanted if wanted[name] != now[name])
    if not changed:
        return
    for name, value in _columns(wanted).items():
        setattr(supplier, name, value)
    db.session.flush()
    after = supplier_values(supplier)
    _record(supplier, "supplier.changed", {n: now[n] for n in changed}, {n: after[n] for n in changed}, by)


def switch_supplier(supplier: Supplier, *, on: bool, by: Actor) -> None:
    """Order from a supplier, or no longer. Past purchase orders keep it."""
    if supplier.is_active == on:
        return
    supplier.is_active = on
    db.session.flush()
    tell(
        "supplier.activated" if on else "supplier.deactivated",
        (SUBJECT, supplier.id),
        by=by,
        before={"is_active": not on},
        after={"is_active": on},
    )


def supplier_values(supplier: Supplier) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {
        "name": supplier.name,
        "contact_name": supplier.contact_name or "",
        "email": supplier.email or "",
        "phone": supplier.phone or "",
        "address": supplier.address or "",
        "country_code": supplier.country_code or "",
        "locale": supplier.locale,
        "currency": supplier.currency,
        "lead_days": typed.plain(supplier.lead_days),
    }


def save_item(supplier: Supplier, values: Mapping[str, Any], *, by: Actor) -> SupplierItem:
    """Say how a supplier sells a variant; what was said before of the same variant is replaced.

    Raises:
        DomainError: no variant has the code, or a value is wrong.
    """
    found = scanned_goods(typed.text_of(values.get("code")))
    columns = {
        "supplier_sku": typed.short_text(values.get("supplier_sku"), "supplier_sku", "Their code", most=100)
        or None,
        "unit_cost": typed.decimal(typed.text_of(values.get("unit_cost")), "unit_cost", "The cost"),
        "pack_size": _units(values, "pack_size", "The pack"),
        "minimum_quantity": _units(values, "minimum_quantity", "The smallest order"),
        "lead_days": _days(values),
        "is_preferred": bool(values.get("is_preferred")),
    }
    if columns["is_preferred"]:
        # Of two suppliers that are to be the preferred one at once, the second waits here and stands.
        db.session.execute(
            sa.select(Variant.id).where(Variant.id == found.variant_id).with_for_update(key_share=True)
        )
    item = db.session.scalars(
        sa.select(SupplierItem)
        .where(SupplierItem.supplier_id == supplier.id, SupplierItem.variant_id == found.variant_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if item is None and _item_count(supplier.id) >= MOST_ITEMS:
        raise DomainError(f"A supplier holds up to {MOST_ITEMS:,} items.", field="code")
    before = _item_values(item) if item else {}
    if columns["is_preferred"]:
        _unprefer_others(found.variant_id, supplier.id)
    if item is None:
        item = SupplierItem(supplier_id=supplier.id, variant_id=found.variant_id, **columns)
        db.session.add(item)
    else:
        for name, value in columns.items():
            setattr(item, name, value)
    db.session.flush()
    after = _item_values(item)
    if after != before:
        tell(
            "supplier.item_saved",
            (SUBJECT, supplier.id),
            by=by,
            before=before,
            after=after | {"sku": found.sku},
        )
    return item


def remove_item(item: SupplierItem, *, by: Actor) -> None:
    """The supplier does not sell the variant any more."""
    supplier_id, before = item.supplier_id, _item_values(item)
    db.session.delete(item)
    db.session.flush()
    tell("supplier.item_removed", (SUBJECT, supplier_id), by=by, before=before)


def items_of(supplier_id: int) -> Sequence[SupplierItem]:
    """What a supplier supplies."""
    return db.session.scalars(
        sa.select(SupplierItem)
        .where(SupplierItem.supplier_id == supplier_id)
        .order_by(SupplierItem.variant_id)
        .limit(MOST_ITEMS)
    ).all()


def rounded_up(units: int, item: SupplierItem | None) -> int:
    """So many units, raised to whole packs and to the smallest order of the supplier."""
    if item is None or units <= 0:
        return max(units, 0)
    wanted = max(units, item.minimum_quantity)
    return -(-wanted // item.pack_size) * item.pack_size


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: typed.text_of(values.get(name)) for name in SUPPLIER_FIELDS}


def _columns(text: Mapping[str, str]) -> dict[str, Any]:
    name = typed.short_text(text["name"], "name", "The name", most=200)
    if not name:
        raise DomainError("Enter the name of the supplier.", field="name")
    email = typed.short_text(text["email"], "email", "The e-mail address", most=254)
    if email and ("@" not in email or " " in email):
        raise DomainError("This is not an e-mail address.", field="email")
    country = text["country_code"].upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise DomainError("Choose a country of the list.", field="country_code")
    phone = typed.short_text(text["phone"], "phone", "The phone number", most=60)
    return {
        "name": name,
        "name_key": fold(name)[:200],
        "contact_name": typed.short_text(text["contact_name"], "contact_name", "The name", most=200) or None,
        "email": email or None,
        "email_key": email_key(email),
        "phone": phone or None,
        "phone_key": phone_key(phone, country or None),
        "address": typed.long_text(text["address"], "address", "The address", most=1_000) or None,
        "country_code": country or None,
        "locale": text["locale"] if text["locale"] in LOCALES else "en",
        "currency": _currency(text["currency"]),
        "lead_days": _days(text),
    }


def _currency(text: str) -> str:
    code = text.upper() or db.session.get_one(Merchant, current_merchant_id()).currency
    try:
        minor_units(code)
    except (ValueError, DomainError) as error:
        raise DomainError("Enter a currency by its three letters, such as EUR.", field="currency") from error
    return code


def _days(values: Mapping[str, Any]) -> int | None:
    return typed.whole(typed.text_of(values.get("lead_days")), "lead_days", "The lead time", most=MOST_DAYS)


def _units(values: Mapping[str, Any], field: str, label: str) -> int:
    return typed.whole(typed.text_of(values.get(field)), field, label, least=1, most=MOST_SCANNED) or 1


def _item_values(item: SupplierItem) -> dict[str, Any]:
    names = (
        "variant_id",
        "supplier_sku",
        "unit_cost",
        "pack_size",
        "minimum_quantity",
        "lead_days",
        "is_preferred",
    )
    return {name: getattr(item, name) for name in names}


def _item_count(supplier_id: int) -> int:
    return (
        db.session.scalar(
            sa.select(sa.func.count()).where(
                SupplierItem.merchant_id == current_merchant_id(), SupplierItem.supplier_id == supplier_id
            )
        )
        or 0
    )


def _unprefer_others(variant_id: int, supplier_id: int) -> None:
    """One supplier is preferred per variant; an index holds that, and the last wish counts."""
    others = db.session.scalars(
        sa.select(SupplierItem)
        .where(
            SupplierItem.variant_id == variant_id,
            SupplierItem.supplier_id != supplier_id,
            SupplierItem.is_preferred,
        )
        .with_for_update()
    ).all()
    for other in others:
        other.is_preferred = False
    db.session.flush()


def _record(
    supplier: Supplier, action: str, before: Mapping[str, Any], after: Mapping[str, Any], by: Actor
) -> None:
    # What names the person is sealed under their key; the business itself is not.
    names = before.keys() | after.keys()
    for personal in (True, False):
        chosen = {name for name in names if (name in PERSONAL) is personal}
        if chosen:
            audit.record(
                action,
                by=by,
                subject=(SUBJECT, supplier.id),
                before={name: before[name] for name in chosen if name in before},
                after={name: after[name] for name in chosen if name in after},
                data_subject_id=supplier.subject_id if personal else None,
            )
