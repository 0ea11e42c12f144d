"""The orders' screens; each module adds its addresses to one blueprint."""

from __future__ import annotations

from portal.orders.views import bulk, holding, pages, parcels, payments, regions, returns, words
from portal.orders.views.blueprint import bp

__all__ = ["bp", "bulk", "holding", "pages", "parcels", "payments", "regions", "returns", "words"]
