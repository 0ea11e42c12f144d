"""Who buys: customers, addresses, consents."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.core.subjects import when_objecting
from portal.customers.listings import CUSTOMERS
from portal.customers.services import withdraw_consents
from portal.customers.views import bp


def register(app: Flask) -> None:
    """The list, the screens and the entry of the navigation."""
    register_listing(CUSTOMERS)
    register_nav("Customers", "Customers", "customers.customers", "users", "customers.view", order=50)
    register_slot("privacy.customers", "customers.of_person", "customers.view", label="Customer pages")
    when_objecting(withdraw_consents)
    app.register_blueprint(bp)
