"""Addresses of imported products, made from their titles and codes."""

from __future__ import annotations

from portal.catalog import naming
from portal.core.normalise import fold


def slug_of(title: str, code: str = "") -> str:
    """``white-metal-lantern-71053``: the title, then the code that tells it from its namesakes."""
    return naming.slug_of(f"{title} {code}" if fold(code) != fold(title) else title)
