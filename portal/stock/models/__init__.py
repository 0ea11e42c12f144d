"""Stock: where units lie, how many, and every movement that made it so."""

from __future__ import annotations

from portal.stock.models.ledger import MOVEMENT_KINDS, StockAdjustment, StockMovement, StockReason
from portal.stock.models.levels import LOCATION_KINDS, Location, StockLevel

__all__ = [
    "LOCATION_KINDS",
    "MOVEMENT_KINDS",
    "Location",
    "StockAdjustment",
    "StockLevel",
    "StockMovement",
    "StockReason",
]
