"""Counts: what lies on the shelf against what the books say, while sales go on."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.stock.causes import register_cause
from portal.stock.counting import jobs  # noqa: F401 - the job registers itself
from portal.stock.counting.listings import COUNT_LINES, COUNTS
from portal.stock.counting.queries import count_causes
from portal.stock.counting.views import bp


def register(app: Flask) -> None:
    """The lists, the screens, the job and how the ledger names a count."""
    register_listing(COUNTS)
    register_listing(COUNT_LINES)
    register_nav("Stock", "Counts", "counting.counts", "list-check", "stock.view", order=46)
    register_cause("count", count_causes)
    app.register_blueprint(bp)
