"""The blueprint of stock, and the look-ups its screens share."""

from __future__ import annotations

import uuid
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Blueprint

from portal.accounts.access import can, current_actor, get_row_or_404
from portal.catalog.models import Product, Variant
from portal.core import formats
from portal.stock import queries
from portal.stock.bundles import bundle_availability, components_of
from portal.stock.ledger import stock_history
from portal.stock.models import Location
from portal.stock.settings import must_give_reason

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


def adjusting() -> dict[str, Any]:
    """What forms that change stock by hand need; nothing is read for those who may not."""
    if not can("stock.adjust"):
        return {"reasons": [], "needs_reason": False, "new_token": uuid.uuid4}
    return {
        "reasons": queries.reasons(active=True),
        "needs_reason": must_give_reason(current_actor()),
        "new_token": uuid.uuid4,
    }


def variant_stock(variant_id: int) -> dict[str, Any]:
    """What ``stock/_variant_levels.html`` shows of a variant: its levels and how they went, or a bundle's components."""
    components = components_of(variant_id)
    return {
        "levels": [] if components else queries.levels_of_variant(variant_id),
        "history": stock_history(variant_id, ZoneInfo(formats.current_region().zone)),
        "components": components,
        "available": queries.available_by_variant([part.variant_id for part in components])
        if components
        else {},
        "sellable": bundle_availability([variant_id]).get(variant_id) if components else None,
    }
