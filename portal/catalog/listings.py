"""The list of products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from flask import url_for

from portal.catalog import queries
from portal.catalog.availability import available_by_product
from portal.catalog.categories import in_tree_order
from portal.catalog.models import Product, ProductCategory, ProductType
from portal.catalog.naming import title_key
from portal.core import formats
from portal.core.database import current_merchant_id
from portal.core.listing import ChoiceFilter, Column, DateFilter, Extra, Listing, Sort, TextFilter
from portal.core.normalise import next_key

_product = Product.__table__.c
_filed = ProductCategory.__table__.c
_type = ProductType.__table__.c

STATES = [("draft", "Draft"), ("active", "Active"), ("archived", "Archived")]


def category_choices() -> list[tuple[str, str]]:
    """The tree, indented by its depth."""
    return [
        (str(category.id), f"{'– ' * depth}{category.name}")
        for depth, category in in_tree_order(queries.categories())
    ]


def type_choices() -> list[tuple[str, str]]:
    """The merchant's product types."""
    return [(str(kind.id), kind.name) for kind in queries.product_types()]


def price_words(row: Mapping[str, Any]) -> str | None:
    """One price, or from the lowest to the highest."""
    if row.get("lowest") is None:
        return None
    lowest, highest = (formats.money(row[name], row["currency"]) for name in ("lowest", "highest"))
    return lowest if lowest == highest else f"{lowest} – {highest}"


def _figures(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    return queries.list_figures(keys)


def _stock(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    return {key: {"available": units} for key, units in available_by_product(keys).items()}


PRODUCTS = Listing(
    key="products",
    title="Products",
    permission="catalog.view",
    noun=("product", "products"),
    source=Product.__table__.outerjoin(
        ProductType.__table__,
        sa.and_(_type.merchant_id == _product.merchant_id, _type.id == _product.product_type_id),
    ),
    tenant=_product.merchant_id,
    row_key=_product.id,
    default_sort="-updated",
    columns=[
        Column(
            "title",
            "Product",
            _product.title,
            sort=Sort(_product.title_key, index="product_merchant_id_title_key_id_idx"),
        ),
        Column("state", "State", _product.state, kind="state", badge="product", card=True),
        Column("variants", "Variants", kind="number"),
        Column("price", "Price", kind="text", text=price_words, card=True),
        Column("available", "Available", kind="number", card=True),
        Column("vendor", "Vendor", _product.vendor),
        Column("type", "Type", _type.name, default=False),
        Column(
            "updated",
            "Updated",
            _product.updated_at,
            kind="time",
            sort=Sort(_product.updated_at, index="product_merchant_id_updated_at_id_idx"),
        ),
        Column(
            "created",
            "Added",
            _product.created_at,
            kind="time",
            default=False,
            sort=Sort(_product.id, index="product_pkey", alone=True),
        ),
    ],
    extras=[
        Extra(columns=("variants", "price", "currency", "lowest", "highest", "picture"), load=_figures),
        Extra(columns=("available",), load=_stock),
    ],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_product.state,
            options=STATES,
            index="product_merchant_id_state_id_idx",
        ),
        TextFilter(
            key="title",
            label="Title",
            expression=_product.title_key,
            normalise=title_key,
            index="product_merchant_id_title_key_id_idx",
        ),
        ChoiceFilter(
            key="vendor",
            label="Vendor",
            expression=_product.vendor,
            options=queries.vendors,
            index="product_merchant_id_vendor_id_idx",
        ),
        ChoiceFilter(
            key="category",
            label="Category",
            expression=_filed.category_id,
            convert=int,
            options=category_choices,
            index="product_category_merchant_id_category_id_product_id_idx",
            through=lambda condition, within: _product.id.in_(
                sa.select(_filed.product_id).where(_filed.merchant_id == current_merchant_id(), condition)
            ),
        ),
        ChoiceFilter(
            key="type", label="Type", expression=_product.product_type_id, convert=int, options=type_choices
        ),
        DateFilter(
            key="updated",
            label="Updated",
            expression=_product.updated_at,
            index="product_merchant_id_updated_at_id_idx",
        ),
    ],
    link=lambda row: url_for("catalog.product", product_id=row["row_key"]),
    quick=lambda text: _begins(title_key(text)),
    quick_label="Title begins with",
    empty=(
        "Products are what you sell. Add one, or bring them in from a file.",
        "catalog.new_product",
        "Add product",
    ),
)


def _begins(key: str) -> sa.ColumnElement[bool] | None:
    return sa.and_(_product.title_key >= key, _product.title_key < next_key(key)) if key else None
