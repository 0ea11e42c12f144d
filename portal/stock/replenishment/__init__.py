"""Replenishment: when a variant runs low somewhere, who is told, and what to order."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.stock.replenishment import jobs, watching  # noqa: F401 - they register themselves
from portal.stock.replenishment.listings import RULES
from portal.stock.replenishment.views import bp


def register(app: Flask) -> None:
    """The list, the screens, the region on a variant, the consumer and the job."""
    register_listing(RULES)
    register_nav("Stock", "To order", "replenishment.proposals", "shopping-cart", "stock.view", order=47)
    register_nav("settings", "Low stock", "replenishment.settings", "bell", "settings.view", order=940)
    register_slot("home.worklist", "replenishment.worklist", "stock.adjust", order=40, label="Low stock")
    register_slot("variant.stock", "replenishment.variant_rules", "stock.view", order=120, label="Thresholds")
    app.register_blueprint(bp)
