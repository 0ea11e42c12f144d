"""The screens of stock."""

from __future__ import annotations

from portal.stock.views import (
    breakdown,
    bundles,
    levels,
    locations,
    reasons,
    regions,
    settings,
    unavailable,
    verification,
)
from portal.stock.views.blueprint import bp

__all__ = [
    "bp",
    "breakdown",
    "bundles",
    "levels",
    "locations",
    "reasons",
    "regions",
    "settings",
    "unavailable",
    "verification",
]
