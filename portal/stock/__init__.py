"""Where units lie and every movement of them."""

from __future__ import annotations

from flask import Flask

import portal.stock.jobs
import portal.stock.promise_jobs  # noqa: F401  they register their handlers
from portal.catalog.availability import offer_availability
from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.stock.counting import register as register_counting
from portal.stock.listings import LEVELS
from portal.stock.movements import MOVEMENTS
from portal.stock.own_sources import register_own_sources
from portal.stock.promise_views import register as register_promise_views
from portal.stock.promises import register_promises
from portal.stock.purchasing import register as register_purchasing
from portal.stock.queries import available_by_product, available_by_variant
from portal.stock.replenishment import register as register_replenishment
from portal.stock.reservations import take_back_reserved
from portal.stock.transfers import register as register_transfers
from portal.stock.views import bp


def register(app: Flask) -> None:
    """The list, the screens, the regions on other pages and the entries of the navigation."""
    register_listing(LEVELS)
    register_listing(MOVEMENTS)
    register_nav("Stock", "Stock", "stock.levels", "building-warehouse", "stock.view", order=40)
    register_nav("Stock", "Movements", "stock.movements", "history", "stock.view", order=41)
    register_nav("Stock", "Locations", "stock.locations", "map-pin", "stock.view", order=42)
    register_nav("Stock", "Reasons", "stock.reasons", "clipboard-list", "stock.view", order=43)
    register_nav("Stock", "Verification", "stock.verifications", "shield-check", "stock.view", order=48)
    register_nav(
        "settings", "Reasons for stock", "stock.stock_settings", "clipboard-list", "settings.view", 940
    )
    register_slot("product.stock", "stock.product_levels", "stock.view", label="Stock")
    register_slot("variant.stock", "stock.variant_levels", "stock.view", label="Stock")
    register_slot("variant.stock", "stock.components", "catalog.view", order=110, label="Components")
    register_slot(
        "home.worklist", "stock.verification_worklist", "stock.adjust", 5, label="Stock differences"
    )
    register_own_sources()
    register_promises("reservations", take_back_reserved, order=10)
    offer_availability(available_by_product, available_by_variant)
    app.register_blueprint(bp)
    register_transfers(app)
    register_purchasing(app)
    register_counting(app)
    register_promise_views(app)
    register_replenishment(app)
