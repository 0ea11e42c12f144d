"""Channels: the outside shops we sell through. Stock and prices go out, orders come in."""

from __future__ import annotations

from flask import Flask

from portal.channels import bulk_views, item_views, jobs, settings_views  # noqa: F401 - they register on import
from portal.channels.listings import ARTICLES, INBOUND
from portal.channels.people import names_of_receivers, sealed_document
from portal.channels.views import bp
from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.privacy.recipients import register_recipients
from portal.privacy.sealed import register_sealed


def register(app: Flask) -> None:
    """Add the addresses, the lists and the entries of navigation and home page."""
    app.register_blueprint(bp)
    register_listing(ARTICLES)
    register_listing(INBOUND)
    register_sealed("channel_inbound_order", "payload", sealed_document)
    register_recipients("channels", names_of_receivers)
    register_nav("Channels", "Channels", "channels.channels", "plug-connected", "channels.view", order=60)
    register_slot(
        "home.worklist", "channels.failing_region", "channels.view", order=30, label="Failing syncs"
    )
