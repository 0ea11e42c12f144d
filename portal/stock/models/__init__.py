"""Stock: where units lie, how many, and every movement that made it so."""

from __future__ import annotations

from portal.stock.models.counting import COUNT_STATES, StockCount, StockCountLine, StockCountScan
from portal.stock.models.documents import StockDraftScan, StockReceipt, StockReceiptLine, StockSeries
from portal.stock.models.ledger import (
    MOVEMENT_KINDS,
    UNAVAILABLE_KINDS,
    StockAdjustment,
    StockMovement,
    StockReason,
)
from portal.stock.models.levels import LOCATION_KINDS, Location, StockLevel
from portal.stock.models.purchasing import (
    PURCHASE_STATES,
    PurchaseOrder,
    PurchaseOrderLine,
    Supplier,
    SupplierItem,
)
from portal.stock.models.replenishment import LowStockNotice, ReplenishmentRule, ReplenishmentSetting
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
from portal.stock.models.settings import StockSetting
from portal.stock.models.transfers import TRANSFER_STATES, StockTransfer, StockTransferLine
from portal.stock.models.verification import StockFinding, StockVerification

__all__ = [
    "ALLOCATION_MOMENTS",
    "COUNT_STATES",
    "LowStockNotice",
    "PURCHASE_STATES",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "ReplenishmentRule",
    "ReplenishmentSetting",
    "StockCount",
    "StockCountLine",
    "StockCountScan",
    "StockDraftScan",
    "StockReceipt",
    "StockReceiptLine",
    "StockSeries",
    "StockTransfer",
    "StockTransferLine",
    "Supplier",
    "SupplierItem",
    "TRANSFER_STATES",
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
    "StockFinding",
    "StockSetting",
    "StockVerification",
    "UNAVAILABLE_KINDS",
]
