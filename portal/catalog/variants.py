"""Make and change variants, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.models import Product, Variant
from portal.catalog.uniqueness import unique
from portal.core import normalise
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError
from portal.core.merging import merged

VARIANT_FIELDS: Final = ("sku", "barcode", "weight_grams", "unit_cost", "low_stock_threshold", "is_stocked")
MOST_VARIANTS: Final = 2_000
SKU_KEY: Final = "variant_merchant_id_sku_key_key"

_variant: Final = Variant.__table__
_BY_KEY: Final = sa.and_(
    _variant.c.merchant_id == sa.bindparam("of_merchant"), _variant.c.id == sa.bindparam("of_id")
)
# Made once: to build them for each save took a seventh of its time.
_HOLD: Final = (
    sa.select(*(_variant.c[name] for name in ("id", "product_id", "version", "is_active", *VARIANT_FIELDS)))
    .where(_BY_KEY)
    .with_for_update(key_share=True)
)
_SAVE: Final = (
    sa.update(_variant).where(_BY_KEY).values(version=_variant.c.version + 1, updated_at=sa.func.now())
)


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


@dataclass(frozen=True, slots=True)
class HeldVariant:
    """A variant as it stands while nobody else may change it; ``values`` is what the form shows of it, by field."""

    id: int
    product_id: int
    version: int
    is_active: bool
    values: Mapping[str, str]


def hold_variant(variant_id: int) -> HeldVariant:
    """The merchant's variant, locked against other changes until the commit, never against orders that point at it.

    Raises:
        NotFoundError: there is none.
    """
    row = db.session.execute(_HOLD, {"of_merchant": current_merchant_id(), "of_id": variant_id}).one_or_none()
    if row is None:
        raise NotFoundError()
    return HeldVariant(row.id, row.product_id, row.version, row.is_active, variant_values(row))


def change_variant(
    held: HeldVariant, values: Mapping[str, Any], *, base: Mapping[str, Any], version: int, by: Actor
) -> None:
    """Save the fields that *values* names, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: the SKU is taken, or a value is wrong; ``field`` names it.
    """
    now = held.values
    mine = {name: typed.text_of(values[name]) for name in VARIANT_FIELDS if name in values}
    wanted = mine if held.version == version else merged(now, base, mine, version=held.version)
    changed = sorted(name for name in wanted if wanted[name] != now[name])
    if not changed:
        return
    columns = {
        name: value
        for name, value in _columns({**now, **wanted}).items()
        if name.removesuffix("_key") in changed
    }
    # Only another SKU can be refused; a savepoint costs two trips.
    with unique(SKU_KEY, _taken(wanted["sku"]), field="sku") if "sku" in changed else nullcontext():
        _save(held, columns)
    before, after = ({name: side[name] for name in changed} for side in (now, wanted))
    _tell(held, "variant.updated", before, after, by)


def switch_variant(held: HeldVariant, *, on: bool, by: Actor) -> None:
    """Sell a variant, or stop selling it. Its stock and history stay."""
    if held.is_active == on:
        return
    _save(held, {"is_active": on})
    action = "variant.activated" if on else "variant.deactivated"
    _tell(held, action, {"is_active": not on}, {"is_active": on}, by)


def variant_values(variant: Variant | sa.Row[Any]) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {
        "sku": variant.sku,
        "barcode": variant.barcode or "",
        "weight_grams": typed.plain(variant.weight_grams),
        "unit_cost": typed.plain(variant.unit_cost),
        "low_stock_threshold": typed.plain(variant.low_stock_threshold),
        "is_stocked": "yes" if variant.is_stocked else "no",
    }


def _save(held: HeldVariant, columns: Mapping[str, Any]) -> None:
    db.session.execute(_SAVE, {"of_merchant": current_merchant_id(), "of_id": held.id, **columns})


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
    variant: Variant | HeldVariant,
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    by: Actor,
) -> None:
    announce(
        action,
        by=by,
        subject=("variant", variant.id),
        before=before,
        after=after,
        event="product.updated",
        key=f"product:{variant.product_id}",
        payload={"product_id": variant.product_id, "variant_id": variant.id},
    )
