"""The screens of promises: reservations, hot variants, routing, settings, and what a variant does without stock."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.stock.promise_views import hot, policy, reservations, routing, settings, simulator
from portal.stock.promise_views.blueprint import bp
from portal.stock.promise_views.listings import RESERVATIONS

__all__ = ["hot", "policy", "register", "reservations", "routing", "settings", "simulator"]


def register(app: Flask) -> None:
    """The list, the screens, their navigation and the region on a variant's page."""
    register_listing(RESERVATIONS)
    register_nav("Stock", "Reservations", "promises.reservations", "hourglass", "stock.view", order=44)
    register_nav("Stock", "Hot variants", "promises.hot_variants", "activity", "stock.view", order=45)
    register_nav("settings", "Allocation", "promises.promise_settings", "box", "settings.view", 941)
    register_nav("settings", "Routing", "promises.routing", "truck", "settings.view", 942)
    register_slot("variant.stock", "promises.policy", "stock.view", order=120, label="When nothing is left")
    app.register_blueprint(bp)
