"""The blueprint of the catalogue, and the look-ups its screens share."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint

from portal.accounts.access import current_identity, get_row_or_404
from portal.catalog.models import Media, Product, Variant

bp = Blueprint("catalog", __name__, url_prefix="/catalog")


def product_or_404(product_id: int, *, lock: bool = False) -> Product:
    """The merchant's product; locked against other changes until the commit, never against orders that point at it."""
    statement = sa.select(Product).where(Product.id == product_id)
    return get_row_or_404(statement.with_for_update(key_share=True) if lock else statement)


def variant_or_404(variant_id: int) -> Variant:
    """The merchant's variant, for its page; to change it, hold it (``variants.hold_variant``)."""
    return get_row_or_404(sa.select(Variant).where(Variant.id == variant_id))


def media_or_404(media_id: int) -> Media:
    """The merchant's picture."""
    return get_row_or_404(sa.select(Media).where(Media.id == media_id))


def home_currency() -> str:
    """The currency the merchant keeps its books in."""
    merchant = current_identity().merchant
    return merchant.currency if merchant is not None else "GBP"
