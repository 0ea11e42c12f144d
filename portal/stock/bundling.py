"""Say what a bundle is made of. Two people who change different components both keep their change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Variant, VariantComponent
from portal.core import outbox
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.merging import merged
from portal.core.normalise import code_key
from portal.stock.bundles import Component, bundles_with, components_of, parts_of
from portal.stock.models import StockLevel

MOST_COMPONENTS: Final = 50
MOST_PER_BUNDLE: Final = 10_000

_part: Final = VariantComponent.__table__.c
_level: Final = StockLevel.__table__.c
_variant: Final = Variant.__table__.c


def component_values(components: Sequence[Component]) -> dict[str, str]:
    """Units by component, as a form carries them, to bring together what several people save."""
    return {str(part.variant_id): str(part.quantity) for part in components}


def variants_of(rows: Sequence[tuple[str, int]]) -> dict[int, int]:
    """Units by variant, of rows with an SKU and units.

    Raises:
        DomainError: an SKU is unknown or twice there, or its units are out of range.
    """
    keys = [code_key(sku) or "" for sku, _ in rows]
    found = {
        row.sku_key: row.id
        for row in db.session.execute(
            sa.select(_variant.sku_key, _variant.id).where(
                _variant.merchant_id == current_merchant_id(), _variant.sku_key.in_(keys)
            )
        )
    }
    wanted: dict[int, int] = {}
    for (sku, quantity), key in zip(rows, keys, strict=True):
        if key not in found:
            raise DomainError(f"There is no variant with the SKU {sku}.", field="components")
        if found[key] in wanted:
            raise DomainError(f"{sku} stands there twice. Add its units up in one row.", field="components")
        if not 1 <= quantity <= MOST_PER_BUNDLE:
            raise DomainError(
                f"A bundle takes between 1 and {MOST_PER_BUNDLE:,} units of {sku}.", field="components"
            )
        wanted[found[key]] = quantity
    return wanted


def save_components(
    bundle_id: int, rows: Sequence[tuple[str, int]], *, base: Mapping[str, Any], by: Actor
) -> None:
    """Make a variant of *rows*, each an SKU and its units per bundle; no row makes it an ordinary variant again.

    Args:
        base: ``component_values`` the form was opened with; components that only others changed since stay as they are.

    Raises:
        StaleError: somebody else changed the same component since; the clashes are by its key.
        DomainError: an SKU is unknown or twice there, a component is a bundle itself, the bundle is a component of
            another, or units of the bundle itself are on the books.
    """
    typed = variants_of(rows)
    _lock_variants([bundle_id, *typed])
    before = components_of(bundle_id)
    wanted = _with_theirs(typed, component_values(before), base)
    if len(wanted) > MOST_COMPONENTS:
        raise DomainError(f"A bundle has at most {MOST_COMPONENTS} components.", field="components")
    if wanted:
        _check_bundle(bundle_id, wanted)
    if wanted == {part.variant_id: part.quantity for part in before}:
        return
    _write(bundle_id, wanted)
    product_id = db.session.scalar(sa.select(Variant.product_id).where(Variant.id == bundle_id))
    announce(
        "variant.components_saved",
        by=by,
        subject=("variant", bundle_id),
        before={"components": {part.sku: part.quantity for part in before}},
        after={"components": {part.sku: part.quantity for part in components_of(bundle_id)}},
        event="product.updated",
        key=f"product:{product_id}",
        payload={"product_id": product_id, "variant_id": bundle_id},
    )
    outbox.publish("stock.changed", key=f"variant:{bundle_id}", payload={"variant_id": bundle_id})


def _with_theirs(typed: Mapping[int, int], now: Mapping[str, str], base: Mapping[str, Any]) -> dict[int, int]:
    """What was typed, with what others saved meanwhile. A component that is not there has no units."""
    mine = {str(key): str(units) for key, units in typed.items()}
    names = sorted({*mine, *now, *base})
    both = merged(
        {name: now.get(name, "") for name in names},
        {name: str(base.get(name, "")) for name in names},
        {name: mine.get(name, "") for name in names},
        version=0,
    )
    return {int(name): int(units) for name, units in both.items() if units}


def _write(bundle_id: int, wanted: Mapping[int, int]) -> None:
    table = VariantComponent.__table__
    own = sa.and_(_part.merchant_id == current_merchant_id(), _part.bundle_id == bundle_id)
    db.session.execute(sa.delete(table).where(own))
    if wanted:
        db.session.execute(
            sa.insert(table),
            [
                {
                    "merchant_id": current_merchant_id(),
                    "bundle_id": bundle_id,
                    "component_id": component_id,
                    "quantity": quantity,
                }
                for component_id, quantity in wanted.items()
            ],
        )


def _lock_variants(variant_ids: Iterable[int]) -> None:
    """Two people who make bundles of the same variants wait for each other, so neither sees half of the other's."""
    db.session.execute(
        sa.select(_variant.id)
        .where(_variant.merchant_id == current_merchant_id(), _variant.id.in_(set(variant_ids)))
        .order_by(_variant.id)
        .with_for_update(key_share=True)
    )


def _check_bundle(bundle_id: int, components: Mapping[int, int]) -> None:
    if bundle_id in components:
        raise DomainError("A bundle cannot be a component of itself.", field="components")
    nested = parts_of(components)
    if nested:
        skus = _skus(nested)
        raise DomainError(
            f"{', '.join(skus)} {'is a bundle itself' if len(skus) == 1 else 'are bundles themselves'}."
            " Name the variants it is made of instead.",
            field="components",
        )
    holding = bundles_with(bundle_id)
    if holding:
        raise DomainError(
            f"This variant is a component of {holding[0].sku}, so it cannot be a bundle itself.",
            field="components",
        )
    lying = db.session.scalar(
        sa.select(sa.func.sum(_level.on_hand + _level.allocated + _level.reserved + _level.incoming)).where(
            _level.merchant_id == current_merchant_id(), _level.variant_id == bundle_id
        )
    )
    if lying:
        raise DomainError(
            "Units of this variant are on the books or on their way. Move them to its components or take them off first:"
            " a bundle has no stock of its own.",
            field="components",
        )


def _skus(variant_ids: Iterable[int]) -> list[str]:
    return list(
        db.session.scalars(
            sa.select(_variant.sku)
            .where(_variant.merchant_id == current_merchant_id(), _variant.id.in_(list(variant_ids)))
            .order_by(_variant.sku_key)
        )
    )
