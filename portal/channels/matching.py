"""Which variant an article of a shop may be: the most alike by code or by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from rapidfuzz import fuzz

from portal.catalog.models import Product, Variant
from portal.channels.models import ChannelListing
from portal.core.database import current_merchant_id, db
from portal.core.normalise import code_key, fold, next_key

_variant: Final = Variant.__table__
_product: Final = Product.__table__

CANDIDATES: Final = 40
LIKELY: Final = 55.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A variant that an article of the shop may be."""

    variant_id: int
    sku: str
    title: str
    likeness: int


def suggestions(listing: ChannelListing) -> list[Suggestion]:
    """The three variants whose code or name is most like the article's; by index ranges, so it stays quick."""
    conditions = []
    if key := code_key(listing.remote_sku):
        conditions.append(_begins(_variant.c.sku_key, key[: max(3, len(key) - 3)]))
        conditions.append(_variant.c.barcode == listing.remote_sku)
    words = fold(listing.remote_name)
    if len(words) >= 3:
        conditions.append(_begins(_product.c.title_key, words[: max(3, min(len(words), 8))]))
    found: dict[int, Suggestion] = {}
    for condition in conditions:
        for row in db.session.execute(_candidates(condition)).mappings():
            found.setdefault(row["id"], _rated(row, key or "", words))
    likely = [each for each in found.values() if each.likeness >= LIKELY]
    return sorted(likely, key=lambda each: (-each.likeness, each.sku))[:3]


def variant_by_sku(sku: str) -> int | None:
    """The variant with a code, however it is written."""
    return db.session.scalars(sa.select(Variant.id).where(Variant.sku_key == code_key(sku))).one_or_none()


def variant_of(listing: ChannelListing) -> sa.RowMapping | None:
    """Code, name and product of the variant an article is."""
    if listing.variant_id is None:
        return None
    return db.session.execute(_candidates(_variant.c.id == listing.variant_id)).mappings().one_or_none()


def _candidates(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(
            _variant.c.id,
            _variant.c.sku,
            _variant.c.sku_key,
            _variant.c.title,
            _variant.c.product_id,
            _product.c.title.label("product"),
            _product.c.title_key,
        )
        .join(
            _product,
            sa.and_(_product.c.merchant_id == _variant.c.merchant_id, _product.c.id == _variant.c.product_id),
        )
        .where(_variant.c.merchant_id == current_merchant_id(), condition)
        .order_by(_variant.c.id)
        .limit(CANDIDATES)
    )


def _rated(row: sa.RowMapping, key: str, words: str) -> Suggestion:
    by_code = fuzz.ratio(key, row["sku_key"]) if key else 0.0
    by_name = (
        fuzz.token_sort_ratio(words, f"{row['title_key']} {fold(row['title'])}".strip()) if words else 0.0
    )
    title = " – ".join(part for part in (row["product"], row["title"]) if part)
    return Suggestion(row["id"], row["sku"], title, round(max(by_code, by_name)))


def _begins(column: sa.ColumnElement[str], prefix: str) -> sa.ColumnElement[bool]:
    return sa.and_(column >= prefix, column < next_key(prefix))
