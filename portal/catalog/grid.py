"""The grid of a product's variants, read a page at a time, so that two thousand open as fast as two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.availability import available_by_variant
from portal.catalog.models import Price, Variant
from portal.core.database import current_merchant_id, db
from portal.core.merging import pack_base
from portal.core.money import minor_units

GRID_ROWS: Final = 50

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


def variant_grid(
    product_id: int,
    currency: str,
    *,
    after: str | None = None,
    before: str | None = None,
    around: int | None = None,
) -> Grid:
    """Fifty variants in their order, from a place on. A place is ``position.id``; ``around`` begins at a variant."""
    place = _place(after) or _place(before)
    backward = place is not None and not _place(after)
    if place is None and around is not None:
        place = _place_before(product_id, around)
    key = sa.tuple_(_variant.position, _variant.id)
    statement = _grid_select(currency).where(
        _variant.merchant_id == current_merchant_id(), _variant.product_id == product_id
    )
    if place is not None:
        at = sa.tuple_(sa.literal(place[0], sa.Integer), sa.literal(place[1], sa.BigInteger))
        statement = statement.where(key < at if backward else key > at)
    order = (_variant.position.desc(), _variant.id.desc()) if backward else (_variant.position, _variant.id)
    found = db.session.execute(statement.order_by(*order).limit(GRID_ROWS + 1)).all()
    has_more, found = len(found) > GRID_ROWS, found[:GRID_ROWS]
    rows = _with_stock(found[::-1] if backward else found, currency)
    total = (
        db.session.scalar(sa.select(sa.func.count(Variant.id)).where(Variant.product_id == product_id)) or 0
    )
    is_first = not rows or (has_more is False if backward else place is None)
    is_last = not rows or (not has_more if not backward else False)
    return Grid(
        rows,
        currency,
        total,
        previous=None if is_first else f"{rows[0].position}.{rows[0].id}",
        next=None if is_last else f"{rows[-1].position}.{rows[-1].id}",
        is_first=is_first,
    )


def grid_row(variant_id: int, currency: str) -> GridRow:
    """One variant as the grid shows it."""
    statement = _grid_select(currency).where(
        _variant.merchant_id == current_merchant_id(), _variant.id == variant_id
    )
    return _with_stock(db.session.execute(statement).all(), currency)[0]


def _grid_select(currency: str) -> sa.Select[Any]:
    joined = Variant.__table__.outerjoin(
        Price.__table__,
        sa.and_(
            _price.merchant_id == _variant.merchant_id,
            _price.variant_id == _variant.id,
            _price.currency == currency,
        ),
    )
    return sa.select(
        _variant.id,
        _variant.sku,
        _variant.barcode,
        _variant.title,
        _variant.position,
        _variant.version,
        _variant.is_active,
        _variant.is_stocked,
        _price.amount,
        _price.compare_at,
    ).select_from(joined)


def _with_stock(found: Sequence[sa.Row[Any]], currency: str) -> list[GridRow]:
    available = available_by_variant([row.id for row in found])
    return [
        GridRow(
            **row._mapping, available=available.get(row.id, 0) if row.is_stocked else None, currency=currency
        )
        for row in found
    ]


def _place(text: str | None) -> tuple[int, int] | None:
    position, _, key = (text or "").partition(".")
    if not (position.isascii() and position.isdecimal() and key.isascii() and key.isdecimal()):
        return None
    return (int(position), int(key)) if len(position) < 10 and len(key) < 19 else None


def _place_before(product_id: int, variant_id: int) -> tuple[int, int] | None:
    """The place just before a variant, unless it stands on the first page anyway."""
    position = db.session.scalar(
        sa.select(Variant.position).where(Variant.product_id == product_id, Variant.id == variant_id)
    )
    if position is None or position < GRID_ROWS:
        return None
    return (position, variant_id - 1)
