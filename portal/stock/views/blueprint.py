"""The blueprint of stock, and the look-ups its screens share."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint

from portal.accounts.access import get_row_or_404
from portal.catalog.models import Product, Variant
from portal.stock.models import Location

bp = Blueprint("stock", __name__, url_prefix="/stock")


def variant_or_404(variant_id: int) -> Variant:
    """The merchant's variant."""
    return get_row_or_404(sa.select(Variant).where(Variant.id == variant_id))


def product_or_404(product_id: int) -> Product:
    """The merchant's product."""
    return get_row_or_404(sa.select(Product).where(Product.id == product_id))


def location_or_404(location_id: int, *, lock: bool = False) -> Location:
    """The merchant's location; locked against other edits, never against stock that points at it."""
    statement = sa.select(Location).where(Location.id == location_id)
    return get_row_or_404(statement.with_for_update(key_share=True) if lock else statement)
