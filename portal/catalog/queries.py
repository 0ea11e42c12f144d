"""Read the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import selectinload

from portal.catalog.models import (
    AttributeDefinition,
    Category,
    Media,
    Price,
    Product,
    ProductAttribute,
    ProductCategory,
    ProductOption,
    ProductType,
    Variant,
)
from portal.core.audit import AuditEntry
from portal.core.database import current_merchant_id, db
from portal.core.listing import execute

MOST_VENDORS: Final = 200

_product: Final = Product.__table__.c
_variant: Final = Variant.__table__.c
_price: Final = Price.__table__.c


def options_of(product_id: int) -> Sequence[ProductOption]:
    """The options of a product with their values, in two statements."""
    return db.session.scalars(
        sa.select(ProductOption)
        .where(ProductOption.product_id == product_id)
        .order_by(ProductOption.position, ProductOption.id)
        .options(selectinload(ProductOption.values))
    ).all()


def prices_of(variant_id: int) -> Sequence[Price]:
    """All prices of a variant, by currency."""
    return db.session.scalars(
        sa.select(Price).where(Price.variant_id == variant_id).order_by(Price.currency)
    ).all()


def categories() -> Sequence[Category]:
    """All categories of the merchant."""
    return db.session.scalars(
        sa.select(Category).order_by(Category.position, Category.name, Category.id)
    ).all()


def category_ids(product_id: int) -> set[int]:
    """Where a product stands."""
    return set(
        db.session.scalars(
            sa.select(ProductCategory.category_id).where(ProductCategory.product_id == product_id)
        )
    )


def products_per_category() -> Mapping[int, int]:
    """How many products stand in each category itself."""
    rows = db.session.execute(
        sa.select(ProductCategory.category_id, sa.func.count()).group_by(ProductCategory.category_id)
    )
    return {row[0]: row[1] for row in rows}


def product_types() -> Sequence[ProductType]:
    """All product types, by name."""
    return db.session.scalars(sa.select(ProductType).order_by(ProductType.name, ProductType.id)).all()


def attributes_per_type() -> Mapping[int, int]:
    """How many attributes each product type has."""
    counted = sa.select(AttributeDefinition.product_type_id, sa.func.count()).group_by(
        AttributeDefinition.product_type_id
    )
    return {row[0]: row[1] for row in db.session.execute(counted)}


def products_with_attribute(attribute_id: int, cap: int = 10_000) -> int:
    """How many products have a value for an attribute, counted to the cap and one further."""
    held = ProductAttribute.__table__.c
    found = (
        sa.select(held.product_id)
        .where(held.merchant_id == current_merchant_id(), held.attribute_id == attribute_id)
        .limit(cap + 1)
    )
    return db.session.scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0


def vendors() -> list[tuple[str, str]]:
    """The vendors in the catalogue, found by hopping along the index from one to the next."""
    merchant_id = current_merchant_id()
    own = sa.and_(_product.merchant_id == merchant_id, _product.vendor.is_not(None))
    first = sa.select(sa.func.min(_product.vendor).label("vendor")).where(own).cte("hop", recursive=True)
    following = (
        sa.select(sa.func.min(_product.vendor)).where(own, _product.vendor > first.c.vendor).scalar_subquery()
    )
    hops = first.union_all(sa.select(following).where(first.c.vendor.is_not(None)))
    found = db.session.execute(
        sa.select(hops.c.vendor).where(hops.c.vendor.is_not(None)).limit(MOST_VENDORS)
    ).scalars()
    return [(name, name) for name in found]


def history(kind: str, key: int, most: int = 15) -> Sequence[AuditEntry]:
    """What was done to a thing, newest first."""
    return history_of_any(kind, [key], most)


def history_of_any(kind: str, keys: Collection[int], most: int = 15) -> Sequence[AuditEntry]:
    """What was done to any of several things of a kind, newest first."""
    if not keys:
        return []
    return db.session.scalars(
        sa.select(AuditEntry)
        .where(AuditEntry.subject_kind == kind, AuditEntry.subject_id.in_([str(key) for key in keys]))
        .order_by(AuditEntry.id.desc())
        .limit(most)
    ).all()


def list_figures(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Variants, price range and first picture of the products on a page of the list, in one statement."""
    merchant_id = current_merchant_id()
    counted = (
        sa.select(_variant.product_id, sa.func.count().label("variants"))
        .where(_variant.merchant_id == merchant_id, _variant.product_id.in_(keys))
        .group_by(_variant.product_id)
        .subquery()
    )
    # The currency most variants are priced in; a range over two currencies would be no range.
    ranges = (
        sa.select(
            _variant.product_id,
            _price.currency,
            sa.func.min(_price.amount).label("lowest"),
            sa.func.max(_price.amount).label("highest"),
            sa.func.row_number()
            .over(partition_by=_variant.product_id, order_by=(sa.func.count().desc(), _price.currency))
            .label("place"),
        )
        .join(
            Price.__table__,
            sa.and_(_price.merchant_id == _variant.merchant_id, _price.variant_id == _variant.id),
        )
        .where(_variant.merchant_id == merchant_id, _variant.product_id.in_(keys))
        .group_by(_variant.product_id, _price.currency)
        .subquery()
    )
    media = Media.__table__.c
    first = (
        sa.select(media.product_id, media.id)
        .ext(distinct_on(media.product_id))
        .where(media.merchant_id == merchant_id, media.product_id.in_(keys), media.storage_key.is_not(None))
        .order_by(media.product_id, media.position, media.id)
        .subquery()
    )
    rows = execute(
        sa.select(
            _product.id,
            counted.c.variants,
            ranges.c.currency,
            ranges.c.lowest,
            ranges.c.highest,
            first.c.id.label("picture"),
        )
        .select_from(
            Product.__table__.outerjoin(counted, counted.c.product_id == _product.id)
            .outerjoin(ranges, sa.and_(ranges.c.product_id == _product.id, ranges.c.place == 1))
            .outerjoin(first, first.c.product_id == _product.id)
        )
        .where(_product.merchant_id == merchant_id, _product.id.in_(keys))
    )
    return {
        row.id: {
            "variants": row.variants or 0,
            "currency": row.currency,
            "lowest": row.lowest,
            "highest": row.highest,
            "picture": row.picture,
        }
        for row in rows
    }
