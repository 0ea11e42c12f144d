"""Read the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import selectinload

from portal.catalog import typed
from portal.catalog.availability import available_by_variant
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
from portal.core.merging import pack_base
from portal.core.money import minor_units

GRID_ROWS: Final = 50
MOST_VENDORS: Final = 200

_product: Final = Product.__table__.c
_variant: Final = Variant.__table__.c
_price: Final = Price.__table__.c


@dataclass(frozen=True, slots=True)
class GridRow:
    """A variant in the grid of its product, with its price in the currency shown."""

    id: int
    sku: str
    barcode: str | None
    title: str
    position: int
    version: int
    is_active: bool
    is_stocked: bool
    amount: Decimal | None
    compare_at: Decimal | None
    available: int | None
    currency: str

    @property
    def values(self) -> dict[str, str]:
        """What the fields of the row show, as text."""
        shown = typed.amount(self.amount, minor_units(self.currency))
        return {"sku": self.sku, "barcode": self.barcode or "", "amount": shown}

    @property
    def base(self) -> str:
        """The hidden field by which a stale save is noticed."""
        return pack_base(self.values)


@dataclass(frozen=True, slots=True)
class Grid:
    """A page of variants, and the keys of the pages beside it."""

    rows: list[GridRow]
    currency: str
    total: int
    previous: str | None
    next: str | None
    is_first: bool


def variant_grid(product_id: int, currency: str, *, after: str | None = None, before: str | None = None, around: int | None = None) -> Grid:
    """Fifty variants in their order, from a place on. A place is ``position.id``; ``around`` begins at a variant."""
    place = _place(after) or _place(before)
    backward = place is not None and not _place(after)
    if place is None and around is not None:
        place = _place_before(product_id, around)
    key = sa.tuple_(_variant.position, _variant.id)
    statement = _grid_select(currency).where(_variant.merchant_id == current_merchant_id(), _variant.product_id == product_id)
    if place is not None:
        at = sa.tuple_(sa.literal(place[0], sa.Integer), sa.literal(place[1], sa.BigInteger))
        statement = statement.where(key < at if backward else key > at)
    order = (_variant.position.desc(), _variant.id.desc()) if backward else (_variant.position, _variant.id)
    found = db.session.execute(statement.order_by(*order).limit(GRID_ROWS + 1)).all()
    has_more, found = len(found) > GRID_ROWS, found[:GRID_ROWS]
    rows = _with_stock(found[::-1] if backward else found, currency)
    total = db.session.scalar(sa.select(sa.func.count(Variant.id)).where(Variant.product_id == product_id)) or 0
    is_first = not rows or (has_more is False if backward else place is None)
    is_last = not rows or (not has_more if not backward else False)
    return Grid(
        rows, currency, total,
        previous=None if is_first else f"{rows[0].position}.{rows[0].id}",
        next=None if is_last else f"{rows[-1].position}.{rows[-1].id}",
        is_first=is_first,
    )


def grid_row(variant_id: int, currency: str) -> GridRow:
    """One variant as the grid shows it."""
    statement = _grid_select(currency).where(_variant.merchant_id == current_merchant_id(), _variant.id == variant_id)
    return _with_stock(db.session.execute(statement).all(), currency)[0]


def options_of(product_id: int) -> Sequence[ProductOption]:
    """The options of a product with their values, in two statements."""
    return db.session.scalars(
        sa.select(ProductOption).where(ProductOption.product_id == product_id)
        .order_by(ProductOption.position, ProductOption.id).options(selectinload(ProductOption.values))
    ).all()


def prices_of(variant_id: int) -> Sequence[Price]:
    """All prices of a variant, by currency."""
    return db.session.scalars(sa.select(Price).where(Price.variant_id == variant_id).order_by(Price.currency)).all()


def categories() -> Sequence[Category]:
    """All categories of the merchant."""
    return db.session.scalars(sa.select(Category).order_by(Category.position, Category.name, Category.id)).all()


def category_ids(product_id: int) -> set[int]:
    """Where a product stands."""
    return set(db.session.scalars(sa.select(ProductCategory.category_id).where(ProductCategory.product_id == product_id)))


def products_per_category() -> Mapping[int, int]:
    """How many products stand in each category itself."""
    rows = db.session.execute(sa.select(ProductCategory.category_id, sa.func.count()).group_by(ProductCategory.category_id))
    return {row[0]: row[1] for row in rows}


def product_types() -> Sequence[ProductType]:
    """All product types, by name."""
    return db.session.scalars(sa.select(ProductType).order_by(ProductType.name, ProductType.id)).all()


def attributes_per_type() -> Mapping[int, int]:
    """How many attributes each product type has."""
    counted = sa.select(AttributeDefinition.product_type_id, sa.func.count()).group_by(AttributeDefinition.product_type_id)
    return {row[0]: row[1] for row in db.session.execute(counted)}


def products_with_attribute(attribute_id: int, cap: int = 10_000) -> int:
    """How many products have a value for an attribute, counted to the cap and one further."""
    held = ProductAttribute.__table__.c
    found = sa.select(held.product_id).where(held.merchant_id == current_merchant_id(), held.attribute_id == attribute_id).limit(cap + 1)
    return db.session.scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0


def vendors() -> list[tuple[str, str]]:
    """The vendors in the catalogue, found by hopping along the index from one to the next."""
    merchant_id = current_merchant_id()
    own = sa.and_(_product.merchant_id == merchant_id, _product.vendor.is_not(None))
    first = sa.select(sa.func.min(_product.vendor).label("vendor")).where(own).cte("hop", recursive=True)
    following = sa.select(sa.func.min(_product.vendor)).where(own, _product.vendor > first.c.vendor).scalar_subquery()
    hops = first.union_all(sa.select(following).where(first.c.vendor.is_not(None)))
    found = db.session.execute(sa.select(hops.c.vendor).where(hops.c.vendor.is_not(None)).limit(MOST_VENDORS)).scalars()
    return [(name, name) for name in found]


def history(kind: str, key: int, most: int = 10) -> Sequence[AuditEntry]:
    """What was done to a thing, newest first."""
    return db.session.scalars(
        sa.select(AuditEntry)
        .where(AuditEntry.subject_kind == kind, AuditEntry.subject_id == str(key))
        .order_by(AuditEntry.id.desc())
        .limit(most)
    ).all()


def list_figures(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Variants, price range and first picture of the products on a page of the list, in one statement."""
    merchant_id = current_merchant_id()
    counted = (
        sa.select(_variant.product_id, sa.func.count().label("variants"))
        .where(_variant.merchant_id == merchant_id, _variant.product_id.in_(keys)).group_by(_variant.product_id).subquery()
    )
    # The currency most variants are priced in; a range over two currencies would be no range.
    ranges = (
        sa.select(_variant.product_id, _price.currency, sa.func.min(_price.amount).label("lowest"), sa.func.max(_price.amount).label("highest"),
                  sa.func.row_number().over(partition_by=_variant.product_id, order_by=(sa.func.count().desc(), _price.currency)).label("place"))
        .join(Price.__table__, sa.and_(_price.merchant_id == _variant.merchant_id, _price.variant_id == _variant.id))
        .where(_variant.merchant_id == merchant_id, _variant.product_id.in_(keys))
        .group_by(_variant.product_id, _price.currency).subquery()
    )
    media = Media.__table__.c
    first = (
        sa.select(media.product_id, media.id).ext(distinct_on(media.product_id))
        .where(media.merchant_id == merchant_id, media.product_id.in_(keys), media.storage_key.is_not(None))
        .order_by(media.product_id, media.position, media.id).subquery()
    )
    rows = execute(
        sa.select(_product.id, counted.c.variants, ranges.c.currency, ranges.c.lowest, ranges.c.highest, first.c.id.label("picture"))
        .select_from(
            Product.__table__
            .outerjoin(counted, counted.c.product_id == _product.id)
            .outerjoin(ranges, sa.and_(ranges.c.product_id == _product.id, ranges.c.place == 1))
            .outerjoin(first, first.c.product_id == _product.id)
        )
        .where(_product.merchant_id == merchant_id, _product.id.in_(keys))
    )
    return {
        row.id: {"variants": row.variants or 0, "currency": row.currency, "lowest": row.lowest, "highest": row.highest, "picture": row.picture}
        for row in rows
    }


def _grid_select(currency: str) -> sa.Select[Any]:
    joined = Variant.__table__.outerjoin(
        Price.__table__,
        sa.and_(_price.merchant_id == _variant.merchant_id, _price.variant_id == _variant.id, _price.currency == currency),
    )
    return sa.select(
        _variant.id, _variant.sku, _variant.barcode, _variant.title, _variant.position, _variant.version, _variant.is_active,
        _variant.is_stocked, _price.amount, _price.compare_at,
    ).select_from(joined)


def _with_stock(found: Sequence[sa.Row[Any]], currency: str) -> list[GridRow]:
    available = available_by_variant([row.id for row in found])
    return [
        GridRow(**row._mapping, available=available.get(row.id, 0) if row.is_stocked else None, currency=currency) for row in found
    ]


def _place(text: str | None) -> tuple[int, int] | None:
    position, _, key = (text or "").partition(".")
    if not (position.isascii() and position.isdecimal() and key.isascii() and key.isdecimal()):
        return None
    return (int(position), int(key)) if len(position) < 10 and len(key) < 19 else None


def _place_before(product_id: int, variant_id: int) -> tuple[int, int] | None:
    """The place just before a variant, unless it stands on the first page anyway."""
    position = db.session.scalar(sa.select(Variant.position).where(Variant.product_id == product_id, Variant.id == variant_id))
    if position is None or position < GRID_ROWS:
        return None
    return (position, variant_id - 1)
