"""Stock: where units lie, how many, and every movement that made it so."""

from __future__ import annotations

from portal.stock.models.ledger import MOVEMENT_KINDS, StockAdjustment, StockMovement, StockReason
from portal.stock.models.levels import LOCATION_KINDS, Location, StockLevel
from portal.stock.models.reservations import (
    ALLOCATION_MOMENTS,
    RESERVATION_HOLDERS,
    RESERVATION_STATES,
    HotVariant,
    PromiseSetting,
    StockReservation,
    StockReservationLine,
)
from portal.stock.models.routing import ROUTING_STRATEGIES, RoutingRule

__all__ = [
    "ALLOCATION_MOMENTS",
    "HotVariant",
    "PromiseSetting",
    "RESERVATION_HOLDERS",
    "RESERVATION_STATES",
    "ROUTING_STRATEGIES",
    "RoutingRule",
    "StockReservation",
    "StockReservationLine",
    "LOCATION_KINDS",
    "MOVEMENT_KINDS",
    "Location",
    "StockAdjustment",
    "StockLevel",
    "StockMovement",
    "StockReason",
]
