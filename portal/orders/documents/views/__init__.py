"""The screens of documents."""

from __future__ import annotations

from portal.orders.documents.views import of_order, printing, reading, settings  # noqa: F401  views register themselves
from portal.orders.documents.views.blueprint import bp

__all__ = ["bp"]
