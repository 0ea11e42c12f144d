"""Suppliers and purchase orders: what is on its way from outside."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.stock.causes import register_cause
from portal.stock.purchasing import draft_views, supplier_views, views  # noqa: F401 - they register on import
from portal.stock.purchasing.blueprint import bp
from portal.stock.purchasing.listings import PURCHASE_ORDERS, SUPPLIERS
from portal.stock.purchasing.queries import purchase_causes


def register(app: Flask) -> None:
    """The lists, the screens, the entries of the navigation and how the ledger names a purchase order."""
    register_listing(PURCHASE_ORDERS)
    register_listing(SUPPLIERS)
    register_nav("Stock", "Purchase orders", "purchasing.purchases", "receipt", "stock.view", order=44)
    register_nav("Stock", "Suppliers", "purchasing.suppliers", "truck-delivery", "stock.view", order=45)
    register_cause("purchase", purchase_causes)
    app.register_blueprint(bp)
