"""The screens of stock."""

from __future__ import annotations

from portal.stock.views import levels, locations, reasons, regions
from portal.stock.views.blueprint import bp

__all__ = ["bp", "levels", "locations", "reasons", "regions"]
