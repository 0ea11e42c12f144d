"""Bundles: variants made of others. A bundle has no stock of its own; its components are counted, promised and sold.

A component is never a bundle itself. So the units an order takes follow in one step, and the same component in a bundle
and beside it is asked for once, in one sum.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Product, Variant, VariantComponent
from portal.core.database import current_merchant_id, db
from portal.core.listing import execute
from portal.stock.available import available_units

_part: Final = VariantComponent.__table__.c
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
    return _sellable(
        execute(
            sa.select(_part.bundle_id, _part.component_id, _part.quantity).where(
                _part.merchant_id == current_merchant_id(), _part.bundle_id.in_(bundle_ids)
            )
        ).all()
    )


def bundle_availability_by_product(product_ids: Sequence[int]) -> dict[int, int]:
    """The same, added up by the product that the bundles are variants of."""
    parts = execute(
        sa.select(_variant.product_id, _part.bundle_id, _part.component_id, _part.quantity)
        .select_from(
            Variant.__table__.join(
                VariantComponent.__table__,
                sa.and_(_part.merchant_id == _variant.merchant_id, _part.bundle_id == _variant.id),
            )
        )
        .where(_variant.merchant_id == current_merchant_id(), _variant.product_id.in_(product_ids))
    ).all()
    products = {row.bundle_id: row.product_id for row in parts}
    units: Counter[int] = Counter()
    for bundle_id, sellable in _sellable(parts).items():
        units[products[bundle_id]] += sellable
    return dict(units)


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


def _sellable(parts: Sequence[sa.Row[Any]]) -> dict[int, int]:
    """Units of each bundle that its counted components allow. Asked for after the parts: as one statement it joins six
    tables, and PostgreSQL, before it has counted their rows, takes each with each."""
    free = available_units(_variant.id, {row.component_id for row in parts}) if parts else {}
    sellable: dict[int, int] = {}
    for row in parts:
        if row.component_id in free:
            units = free[row.component_id] // row.quantity
            sellable[row.bundle_id] = min(units, sellable.get(row.bundle_id, units))
    return sellable


def _components_with_names() -> sa.Join:
    return VariantComponent.__table__.join(
        Variant.__table__,
        sa.and_(_variant.merchant_id == _part.merchant_id, _variant.id == _part.component_id),
    ).join(
        Product.__table__,
        sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
    )


def _name(product: str, variant: str) -> str:
    return f"{product}, {variant}" if variant else product
