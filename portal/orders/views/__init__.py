"""The orders' screens; each module adds its addresses to one blueprint."""

from __future__ import annotations

from portal.orders.views import (
    bulk,
    contacts,
    correcting,
    files,
    holding,
    pages,
    parcels,
    payments,
    presence,
    rectifying,
    regions,
    sending,
    shortfalls,
    words,
)
from portal.orders.views.blueprint import bp

__all__ = [
    "bp",
    "bulk",
    "contacts",
    "correcting",
    "files",
    "holding",
    "pages",
    "parcels",
    "payments",
    "presence",
    "rectifying",
    "regions",
    "sending",
    "shortfalls",
    "words",
]
