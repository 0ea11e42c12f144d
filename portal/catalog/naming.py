"""Names of products and categories as addresses and as keys of look-ups."""

from __future__ import annotations

import re
from typing import Final

import sqlalchemy as sa

from portal.catalog.models import Category, Product
from portal.core.database import db
from portal.core.normalise import KEY_LENGTH, clean, fold

LONGEST_SLUG: Final = 120


def slug_of(text: str, otherwise: str = "product") -> str:
    """``white-metal-lantern``: what stands in an address."""
    words = re.sub(r"[^\w]+", "-", fold(clean(text))).strip("-_")
    return words[:LONGEST_SLUG].strip("-_") or otherwise


def title_key(title: str) -> str:
    """The folded title that a prefix search compares."""
    return fold(clean(title))[:KEY_LENGTH]


def free_slug(wanted: str, model: type[Product] | type[Category], *, own_id: int | None = None) -> str:
    """*wanted*, or with the first number behind it that no other record of the merchant has.

    Two people may still be given the same one; the unique constraint decides, and the second is told.
    """
    begins = sa.and_(model.slug >= f"{wanted}-", model.slug < f"{wanted}.")
    taken = set(
        db.session.scalars(
            sa.select(model.slug).where(sa.or_(model.slug == wanted, begins), model.id != (own_id or 0))
        )
    )
    slug, number = wanted, 2
    while slug in taken:
        slug, number = f"{wanted}-{number}", number + 1
    return slug
