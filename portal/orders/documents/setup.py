"""What documents add at start: screens, jobs, a consumer, and how their sealed part opens."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.orders.documents import automatic, retention  # noqa: F401  jobs and consumers register themselves
from portal.orders.documents.listings import DOCUMENTS
from portal.orders.documents.views import bp


def register(app: Flask) -> None:
    """Add the screens, the panel of the order's page and the settings."""
    register_listing(DOCUMENTS)
    register_nav("Orders", "Invoices", "documents.documents", "file-text", "orders.view", order=24)
    register_nav("settings", "Documents", "documents.document_settings", "file-text", "settings.view", 935)
    register_slot("order.panels", "documents.order_documents", "orders.view", 50, label="Documents")
    retention.register()
    app.register_blueprint(bp)
