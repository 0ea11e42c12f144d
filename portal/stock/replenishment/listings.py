"""The list of thresholds."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from portal.catalog.models import Product, Variant
from portal.core.database import current_merchant_id
from portal.core.listing import (
    ChoiceFilter,
    Column,
    Extra,
    FlagFilter,
    Listing,
    Sort,
    TextFilter,
    execute,
    link_to,
)
from portal.core.normalise import code_key
from portal.stock.listings import location_choices
from portal.stock.models import Location, LowStockNotice, ReplenishmentRule, StockLevel

_rule = ReplenishmentRule.__table__.c
_variant = Variant.__table__.c
_product = Product.__table__.c
_location = Location.__table__.c
_level = StockLevel.__table__.c
_notice = LowStockNotice.__table__.c

_is_low = sa.exists().where(
    _notice.merchant_id == _rule.merchant_id,
    _notice.variant_id == _rule.variant_id,
    _notice.location_id == _rule.location_id,
    _notice.cleared_at.is_(None),
)


def _figures(keys: Sequence[int]) -> dict[int, dict[str, int]]:
    free = _level.on_hand - _level.allocated - _level.reserved - _level.unavailable
    rows = execute(
        sa.select(
            _rule.id,
            sa.func.coalesce(sa.func.sum(free), 0).label("available"),
            sa.func.coalesce(sa.func.sum(_level.incoming), 0).label("incoming"),
        )
        .select_from(
            ReplenishmentRule.__table__.outerjoin(
                StockLevel.__table__,
                sa.and_(
                    _level.merchant_id == _rule.merchant_id,
                    _level.variant_id == _rule.variant_id,
                    _level.location_id == _rule.location_id,
                ),
            )
        )
        .where(_rule.merchant_id == current_merchant_id(), _rule.id.in_(keys))
        .group_by(_rule.id)
    )
    return {row.id: {"available": int(row.available), "incoming": int(row.incoming)} for row in rows}


RULES = Listing(
    key="replenishment-rules",
    title="Thresholds",
    permission="stock.view",
    noun=("threshold", "thresholds"),
    source=ReplenishmentRule.__table__.join(
        Variant.__table__,
        sa.and_(_variant.merchant_id == _rule.merchant_id, _variant.id == _rule.variant_id),
    )
    .join(
        Product.__table__,
        sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
    )
    .join(
        Location.__table__,
        sa.and_(_location.merchant_id == _rule.merchant_id, _location.id == _rule.location_id),
    ),
    tenant=_rule.merchant_id,
    row_key=_rule.id,
    default_sort="-added",
    columns=[
        Column("sku", "SKU", _variant.sku, kind="code"),
        Column("product", "Product", _product.title),
        Column("location", "Location", _location.name, card=1),
        Column("minimum", "Order at", _rule.minimum, kind="number", card=2),
        Column("maximum", "Up to", _rule.maximum, kind="number"),
        Column("available", "Available", kind="number", card=3),
        Column("incoming", "Incoming", kind="number"),
        Column("lead", "Lead time in days", _rule.lead_days, kind="number", default=False),
        Column(
            "added",
            "Added",
            _rule.created_at,
            kind="time",
            default=False,
            sort=Sort(_rule.id, index="replenishment_rule_pkey", alone=True),
        ),
    ],
    extras=[Extra(columns=("available", "incoming"), load=_figures)],
    filters=[
        FlagFilter(key="low", label="Is low", expression=_is_low),
        ChoiceFilter(
            key="location",
            label="Location",
            expression=_rule.location_id,
            convert=int,
            options=location_choices,
            index="replenishment_rule_merchant_id_location_id_id_idx",
        ),
        TextFilter(key="sku", label="SKU", expression=_variant.sku_key, normalise=code_key),
    ],
    link=link_to("replenishment.edit_rule", "rule_id", "row_key"),
    quick=lambda text: _variant.sku_key == code_key(text),
    quick_label="SKU",
    empty=(
        "A threshold says at how many units of a variant to order again, and up to how many.",
        "replenishment.new_rule",
        "Add threshold",
    ),
)
