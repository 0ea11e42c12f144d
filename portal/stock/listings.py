"""The list of stock levels: a row per variant and location."""

from __future__ import annotations

import sqlalchemy as sa
from flask import url_for

from portal.catalog.models import Product, Variant
from portal.catalog.naming import title_key
from portal.core.listing import ChoiceFilter, Column, Extra, FlagFilter, Listing, Sort, TextFilter
from portal.core.normalise import code_key
from portal.stock import queries
from portal.stock.count_filter import NotCountedFilter
from portal.stock.models import Location, StockLevel

_level = StockLevel.__table__.c
_variant = Variant.__table__.c
_product = Product.__table__.c
_location = Location.__table__.c
_all = StockLevel.__table__.alias("every_level")

FIGURES = ("on_hand", "allocated", "reserved", "unavailable", "available", "incoming")

# Everything a variant has anywhere: a shelf may be empty while the next one is full.
_units = (
    sa.select(
        sa.func.coalesce(
            sa.func.sum(_all.c.on_hand - _all.c.allocated - _all.c.reserved - _all.c.unavailable), 0
        )
    )
    .where(_all.c.merchant_id == _level.merchant_id, _all.c.variant_id == _level.variant_id)
    .correlate(StockLevel.__table__)
    .scalar_subquery()
)


def location_choices() -> list[tuple[str, str]]:
    """The merchant's locations."""
    return [(str(place.id), place.name) for place in queries.locations()]


LEVELS = Listing(
    key="stock-levels",
    title="Stock",
    permission="stock.view",
    noun=("level", "levels"),
    source=StockLevel.__table__.join(
        Variant.__table__,
        sa.and_(_variant.merchant_id == _level.merchant_id, _variant.id == _level.variant_id),
    )
    .join(
        Product.__table__,
        sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
    )
    .join(
        Location.__table__,
        sa.and_(_location.merchant_id == _level.merchant_id, _location.id == _level.location_id),
    ),
    tenant=_level.merchant_id,
    row_key=_level.id,
    default_sort="sku",
    # Slot 0 stands for the level; the figures add up all slots.
    always=lambda: [_level.slot == 0],
    hidden={
        "variant_id": _level.variant_id,
        "location_id": _level.location_id,
        "variant_title": _variant.title,
    },
    columns=[
        Column(
            "sku",
            "SKU",
            _variant.sku,
            kind="code",
            sort=Sort(_variant.sku_key, index="variant_merchant_id_sku_key_key"),
        ),
        Column("product", "Product", _product.title),
        Column("variant", "Variant", _variant.title, default=False),
        Column("location", "Location", _location.name, card=1),
        Column("on_hand", "On hand", kind="number", card=2),
        Column("allocated", "Allocated", kind="number"),
        Column("reserved", "Reserved", kind="number"),
        Column("unavailable", "Unavailable", kind="number"),
        Column("available", "Available", kind="number", card=3),
        Column("incoming", "Incoming", kind="number", default=False),
        Column("counted", "Counted", _level.counted_at, kind="time", default=False),
    ],
    extras=[Extra(columns=FIGURES, load=queries.figures_of_levels)],
    filters=[
        TextFilter(
            key="sku",
            label="SKU",
            expression=_variant.sku_key,
            normalise=code_key,
            index="variant_merchant_id_sku_key_key",
        ),
        TextFilter(
            key="product",
            label="Product",
            expression=_product.title_key,
            normalise=title_key,
            index="product_merchant_id_title_key_id_idx",
        ),
        ChoiceFilter(
            key="location",
            label="Location",
            expression=_level.location_id,
            convert=int,
            options=location_choices,
            index="stock_level_merchant_id_location_id_variant_id_idx",
        ),
        NotCountedFilter(key="uncounted", label="Not counted for", expression=_level.counted_at),
        FlagFilter(
            key="low",
            label="Low stock",
            expression=sa.and_(
                _variant.low_stock_threshold.is_not(None), _units <= _variant.low_stock_threshold
            ),
        ),
    ],
    link=lambda row: url_for("stock.ledger", variant_id=row["variant_id"], location_id=row["location_id"]),
    quick=lambda text: _variant.sku_key == code_key(text),
    quick_label="SKU",
    empty=(
        "A level appears with the first units of a variant. Open a product to count them in, or bring them in from a file.",
        None,
        None,
    ),
)
