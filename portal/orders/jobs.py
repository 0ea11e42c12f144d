"""The jobs of orders, gathered so that a worker knows them all."""

from __future__ import annotations

from portal.orders.bulk import change_orders
from portal.orders.waiting import run_waits

__all__ = ["change_orders", "run_waits"]
