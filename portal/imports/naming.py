"""Addresses of products, made from their titles and codes."""

from __future__ import annotations

import re
from typing import Final

from portal.core.normalise import fold

LONGEST: Final = 120


def slug_of(title: str, code: str = "") -> str:
    """``white-metal-lantern-71053``: the title, then the code that tells it from its namesakes."""
    words = re.sub(r"[^\w]+", "-", fold(f"{title} {code}" if fold(code) != fold(title) else title)).strip("-_")
    return words[:LONGEST].strip("-") or "product"
