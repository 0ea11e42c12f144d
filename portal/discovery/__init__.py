"""Finding things: the look-up on every page, and what every list offers (saved views, export)."""

from __future__ import annotations

from flask import Flask

import portal.core.export  # noqa: F401 - registers the job of the exports
from portal.discovery.list_actions import blueprint as lists
from portal.discovery.views import blueprint as lookup


def register(app: Flask) -> None:
    """Add the addresses of the domain."""
    app.register_blueprint(lookup)
    app.register_blueprint(lists)
