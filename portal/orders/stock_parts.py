"""Orders as what holds the allocated units of a level."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from portal.core.database import current_merchant_id
from portal.orders.models import OrderAllocation
from portal.stock.sources import Source, register_source


def register_orders_as_source() -> None:
    """Called once at start."""
    register_source(Source("orders", "allocated", "Orders", "order", _allocated))


def _allocated() -> sa.Select[Any]:
    row = OrderAllocation.__table__.c
    return sa.select(
        row.variant_id, row.location_id, row.quantity.label("units"), row.order_id.label("holder_id")
    ).where(row.merchant_id == current_merchant_id())
