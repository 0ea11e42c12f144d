"""Transfers: units that go from one location to another and are never in two places."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.stock.causes import register_cause
from portal.stock.transfers import draft_views, views  # noqa: F401 - they register on import
from portal.stock.transfers.blueprint import bp
from portal.stock.transfers.listings import TRANSFERS
from portal.stock.transfers.queries import transfer_causes


def register(app: Flask) -> None:
    """The list, the screens, the entry of the navigation and how the ledger names a transfer."""
    register_listing(TRANSFERS)
    register_nav("Stock", "Transfers", "transfers.transfers", "switch-horizontal", "stock.view", order=43)
    register_cause("transfer", transfer_causes)
    app.register_blueprint(bp)
