"""What store credit adds to the portal at start."""

from __future__ import annotations

from flask import Flask

from portal.core.slots import register_slot
from portal.orders.store_credit.views import bp


def set_up(app: Flask) -> None:
    """The region on a customer's page, and paying for an order with it."""
    register_slot("customer.orders", "store_credit.account", "customers.view", 200, label="Store credit")
    app.register_blueprint(bp)
