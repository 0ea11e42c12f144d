"""Imports: files of other systems brought in through mapping, dry run, apply and undo, each a job."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.imports import jobs  # noqa: F401 - the jobs register themselves
from portal.imports.causes import import_causes, undo_causes
from portal.imports.listings import IMPORTS
from portal.imports.views import bp
from portal.stock.causes import register_cause


def register(app: Flask) -> None:
    """The list, the screens, the jobs and the entry of the navigation."""
    register_listing(IMPORTS)
    register_nav("operations", "Imports", "imports.imports", "upload", "imports.run", 805)
    register_cause("import", import_causes)
    register_cause("import_undo", undo_causes)
    app.register_blueprint(bp)
