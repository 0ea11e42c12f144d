"""Bundles: variants made of others. A bundle has no stock of its own; its components are counted, promised and sold.

A component is never a bundle itself. So the units an order takes follow in one step, and the same component in a bundle
and beside it is asked for once, in one sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Product, Variant, VariantComponent
from portal.core import audit, outbox
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.listing import execute
from portal.core.normalise import code_key
from portal.stock.models import StockLevel

MOST_COMPONENTS: Final = 50
MOST_PER_BUNDLE: Final = 10_000

_part: Final = VariantComponent.__table__.c
_level: Final = StockLevel.__table__.c
_variant: Final = Variant.__table__.c
_product: Final = Product.__table__.c


@dataclass(frozen=True, slots=True)
class Component:
    """So many units of a variant in one bundle."""

    variant_id: int
    sku: str
    title: str
    quantity: int
    is_stocked: bool


def parts_of(variant_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """Component → units per bundle, for those of *variant_ids* that are bundles; one statement."""
    rows = db.session.execute(
        sa.select(_part.bundle_id, _part.component_id, _part.quantity)
        .where(_part.merchant_id == current_merchant_id(), _part.bundle_id.in_(set(variant_ids)))
        .order_by(_part.bundle_id, _part.component_id)
    )
    parts: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows:
        parts[row.bundle_id][row.component_id] = row.quantity
    return dict(parts)


def exploded(
    wanted: Mapping[int, int], parts: Mapping[int, Mapping[int, int]] | None = None
) -> dict[int, int]:
    """Units of each counted variant that *wanted* (variant → units) takes, bundles dissolved and everything added up.

    Args:
        wanted: a basket or an order; add up lines of one variant first.
        parts: what ``parts_of`` gave, where the caller has it already.
    """
    known = parts_of(wanted) if parts is None else parts
    units: dict[int, int] = defaultdict(int)
    for variant_id, quantity in wanted.items():
        for component_id, per_bundle in known.get(variant_id, {variant_id: 1}).items():
            units[component_id] += quantity * per_bundle
    return dict(units)


def bundle_availability(bundle_ids: Sequence[int]) -> dict[int, int]:
    """How many of each bundle can be sold: the least over its counted components, all locations together.

    A bundle whose components are all not counted is left out, as a variant that is not counted is.
    """
    return {row.bundle_id: int(row.units) for row in execute(_sellable(_part.bundle_id.in_(bundle_ids)))}


def bundle_availability_by_product(product_ids: Sequence[int]) -> dict[int, int]:
    """The same, added up by the product that the bundles are variants of."""
    bundle = Variant.__table__.alias("bundle")
    of_products = sa.select(bundle.c.id).where(
        bundle.c.merchant_id == current_merchant_id(), bundle.c.product_id.in_(product_ids)
    )
    units = _sellable(_part.bundle_id.in_(of_products)).subquery()
    rows = execute(
        sa.select(bundle.c.product_id, sa.func.sum(units.c.units).label("units"))
        .select_from(bundle.join(units, units.c.bundle_id == bundle.c.id))
        .where(bundle.c.merchant_id == current_merchant_id())
        .group_by(bundle.c.product_id)
    )
    return {row.product_id: int(row.units) for row in rows}


def components_of(bundle_id: int) -> list[Component]:
    """What a bundle is made of, by SKU; nothing for a variant that is no bundle."""
    rows = db.session.execute(
        sa.select(
            _variant.id,
            _variant.sku,
            _variant.title.label("variant"),
            _product.title.label("product"),
            _part.quantity,
            _variant.is_stocked,
        )
        .select_from(_components_with_names())
        .where(_part.merchant_id == current_merchant_id(), _part.bundle_id == bundle_id)
        .order_by(_variant.sku_key)
    )
    return [
        Component(row.id, row.sku, _name(row.product, row.variant), row.quantity, row.is_stocked)
        for row in rows
    ]


def bundles_with(component_id: int) -> list[Component]:
    """The bundles a variant is part of, with the units that one of each takes."""
    rows = db.session.execute(
        sa.select(
            _variant.id,
            _variant.sku,
            _variant.title.label("variant"),
            _product.title.label("product"),
            _part.quantity,
            _variant.is_stocked,
        )
        .select_from(
            VariantComponent.__table__.join(
                Variant.__table__,
                sa.and_(_variant.merchant_id == _part.merchant_id, _variant.id == _part.bundle_id),
            ).join(
                Product.__table__,
                sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
            )
        )
        .where(_part.merchant_id == current_merchant_id(), _part.component_id == component_id)
        .order_by(_variant.sku_key)
        .limit(100)
    )
    return [
        Component(row.id, row.sku, _name(row.product, row.variant), row.quantity, row.is_stocked)
        for row in rows
    ]


def state_of(components: Sequence[Component]) -> str:
    """The components as a form carries them, to notice that somebody else saved in between."""
    return ",".join(f"{part.variant_id}x{part.quantity}" for part in components)


def save_components(bundle_id: int, rows: Sequence[tuple[str, int]], *, base: str, by: Actor) -> None:
    """Make a variant of *rows*, each an SKU and its units per bundle; no row makes it an ordinary variant again.

    Args:
        base: ``state_of`` the components the form was opened with.

    Raises:
        ConflictError: somebody else saved since.
        DomainError: an SKU is unknown or twice there, a component is a bundle itself, the bundle is a component of
            another, or units of the bundle itself are on the books.
    """
    if len(rows) > MOST_COMPONENTS:
        raise DomainError(f"A bundle has at most {MOST_COMPONENTS} components.", field="components")
    wanted = _variants_of(rows)
    _lock_variants([bundle_id, *wanted])
    before = components_of(bundle_id)
    if state_of(before) != base:
        raise ConflictError("Someone changed the components while you were looking. Look again, then save.")
    if wanted:
        _check_bundle(bundle_id, wanted)
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
    audit.record(
        "variant.components_saved",
        by=by,
        subject=("variant", bundle_id),
        before={"components": {part.sku: part.quantity for part in before}},
        after={"components": {part.sku: part.quantity for part in components_of(bundle_id)}},
    )
    product_id = db.session.scalar(sa.select(Variant.product_id).where(Variant.id == bundle_id))
    outbox.publish(
        "product.updated",
        key=f"product:{product_id}",
        payload={"product_id": product_id, "variant_id": bundle_id},
    )
    outbox.publish("stock.changed", key=f"variant:{bundle_id}", payload={"variant_id": bundle_id})


def _sellable(bundles: sa.ColumnElement[bool]) -> sa.Select[Any]:
    components = sa.select(_part.component_id).where(_part.merchant_id == current_merchant_id(), bundles)
    free = (
        sa.select(
            _level.variant_id,
            sa.func.sum(_level.on_hand - _level.allocated - _level.reserved - _level.unavailable).label(
                "units"
            ),
        )
        .where(_level.merchant_id == current_merchant_id(), _level.variant_id.in_(components))
        .group_by(_level.variant_id)
        .subquery("free")
    )
    return (
        sa.select(
            _part.bundle_id, sa.func.min(sa.func.coalesce(free.c.units, 0) // _part.quantity).label("units")
        )
        .select_from(
            VariantComponent.__table__.join(
                Variant.__table__,
                sa.and_(_variant.merchant_id == _part.merchant_id, _variant.id == _part.component_id),
            ).outerjoin(free, free.c.variant_id == _part.component_id)
        )
        .where(_part.merchant_id == current_merchant_id(), bundles, _variant.is_stocked)
        .group_by(_part.bundle_id)
    )


def _components_with_names() -> sa.Join:
    return VariantComponent.__table__.join(
        Variant.__table__,
        sa.and_(_variant.merchant_id == _part.merchant_id, _variant.id == _part.component_id),
    ).join(
        Product.__table__,
        sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
    )


def _variants_of(rows: Sequence[tuple[str, int]]) -> dict[int, int]:
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


def _name(product: str, variant: str) -> str:
    return f"{product}, {variant}" if variant else product
