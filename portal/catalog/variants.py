"""Make and change variants, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.models import Product, Variant
from portal.catalog.uniqueness import unique
from portal.core import audit, normalise, outbox
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.merging import merged

VARIANT_FIELDS: Final = ("sku", "barcode", "weight_grams", "unit_cost", "low_stock_threshold", "is_stocked")
MOST_VARIANTS: Final = 2_000
SKU_KEY: Final = "variant_merchant_id_sku_key_key"


def add_variant(product: Product, values: Mapping[str, Any], *, by: Actor) -> Variant:
    """One more variant of *product*; without an SKU it gets one from the product's address.

    Raises:
        DomainError: the SKU is taken, or a value is wrong.
    """
    text = {name: typed.text_of(values.get(name)) for name in VARIANT_FIELDS} | {"is_stocked": "yes"}
    text["sku"] = text["sku"] or free_skus([product.slug])[0]
    place = (
        db.session.scalar(sa.select(sa.func.count(Variant.id)).where(Variant.product_id == product.id)) or 0
    )
    if place >= MOST_VARIANTS:
        raise DomainError(f"A product has at most {MOST_VARIANTS:,} variants.", field="sku")
    variant = Variant(product_id=product.id, position=place, **_columns(text))
    with unique(SKU_KEY, _taken(text["sku"]), field="sku"):
        db.session.add(variant)
    _tell(variant, "variant.created", {}, {"sku": variant.sku}, by)
    return variant


def change_variant(
    variant: Variant, values: Mapping[str, Any], *, base: Mapping[str, Any], version: int, by: Actor
) -> None:
    """Save the fields that *values* names, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: the SKU is taken, or a value is wrong; ``field`` names it.
    """
    now = variant_values(variant)
    mine = {name: typed.text_of(values[name]) for name in VARIANT_FIELDS if name in values}
    wanted = mine if variant.version == version else merged(now, base, mine, version=variant.version)
    changed = {name for name in wanted if wanted[name] != now[name]}
    if not changed:
        return
    columns = _columns(now | wanted)
    # Only another SKU can be refused; a savepoint costs two trips.
    with unique(SKU_KEY, _taken(wanted["sku"]), field="sku") if "sku" in changed else nullcontext():
        for name, value in columns.items():
            if name.removesuffix("_key") in changed:
                setattr(variant, name, value)
    _tell(
        variant,
        "variant.updated",
        {n: now[n] for n in sorted(changed)},
        {n: wanted[n] for n in sorted(changed)},
        by,
    )


def variant_values(variant: Variant) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {
        "sku": variant.sku,
        "barcode": variant.barcode or "",
        "weight_grams": typed.plain(variant.weight_grams),
        "unit_cost": typed.plain(variant.unit_cost),
        "low_stock_threshold": typed.plain(variant.low_stock_threshold),
        "is_stocked": "yes" if variant.is_stocked else "no",
    }


def switch_variant(variant: Variant, *, on: bool, by: Actor) -> None:
    """Sell a variant, or stop selling it. Its stock and history stay."""
    if variant.is_active == on:
        return
    variant.is_active = on
    db.session.flush()
    _tell(
        variant,
        "variant.activated" if on else "variant.deactivated",
        {"is_active": not on},
        {"is_active": on},
        by,
    )


def _columns(text: Mapping[str, str]) -> dict[str, Any]:
    sku = typed.short_text(text["sku"], "sku", "The SKU", most=100)
    sku_key = normalise.code_key(sku)
    if sku_key is None:
        raise DomainError(
            "Enter an SKU: letters and digits that tell this variant from all others.", field="sku"
        )
    barcode = typed.short_text(text["barcode"], "barcode", "The barcode", most=100)
    return {
        "sku": sku,
        "sku_key": sku_key,
        "barcode": barcode or None,
        "barcode_key": normalise.tracking_key(barcode),
        "weight_grams": typed.whole(text["weight_grams"], "weight_grams", "The weight", most=100_000_000),
        "unit_cost": typed.decimal(text["unit_cost"], "unit_cost", "The cost"),
        "low_stock_threshold": typed.whole(
            text["low_stock_threshold"], "low_stock_threshold", "The threshold"
        ),
        "is_stocked": text["is_stocked"] != "no",
    }


def free_skus(wanted: Sequence[str]) -> list[str]:
    """An SKU for each of *wanted*, numbered where it is taken already."""
    stems = [
        "-".join("".join(c if c.isalnum() else " " for c in normalise.fold(text)).upper().split())[:90]
        or "SKU"
        for text in wanted
    ]
    keys = {stem: normalise.code_key(stem) or "SKU" for stem in stems}
    begins = [
        sa.and_(Variant.sku_key >= key, Variant.sku_key < normalise.next_key(f"{key}-"))
        for key in list(keys.values())[:1]
    ]
    taken = set(
        db.session.scalars(
            sa.select(Variant.sku_key).where(
                sa.or_(Variant.sku_key.in_(set(keys.values())), *(begins if len(keys) == 1 else []))
            )
        )
    )
    free = []
    for stem in stems:
        sku, number = stem, 2
        while normalise.code_key(sku) in taken:
            sku, number = f"{stem}-{number}", number + 1
        taken.add(normalise.code_key(sku) or "")
        free.append(sku)
    return free


def _taken(sku: str) -> str:
    return f"Another variant has the SKU {sku}. Capitals and spaces make no difference."


def _tell(
    variant: Variant, action: str, before: Mapping[str, Any], after: Mapping[str, Any], by: Actor
) -> None:
    audit.record(action, by=by, subject=("variant", variant.id), before=before, after=after)
    outbox.publish(
        "product.updated",
        key=f"product:{variant.product_id}",
        payload={"product_id": variant.product_id, "variant_id": variant.id},
    )
