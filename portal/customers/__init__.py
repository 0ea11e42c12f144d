"""Who buys: customers, addresses, consents."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.customers.listings import CUSTOMERS
from portal.customers.views import bp


def register(app: Flask) -> None:
    """The list, the screens and the entry of the navigation."""
    register_listing(CUSTOMERS)
    register_nav("Customers", "Customers", "customers.customers", "users", "customers.view", order=50)
    app.register_blueprint(bp)
