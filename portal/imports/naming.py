"""Addresses of products, made from their titles and codes."""

from __future__ import annotations

import re
from typing import Final

from portal.core.normalise import KEY_LENGTH, clean, fold

LONGEST: Final = 120


def slug_of(title: str, code: str = "") -> str:
    """``white-metal-lantern-71053``: the title, then the code that tells it from its namesakes."""
    words = re.sub(r"[^\w]+", "-", fold(f"{title} {code}" if fold(code) != fold(title) else title)).strip("-_")
    return words[:LONGEST].strip("-") or "product"


def title_key(title: str) -> str:
    """The folded title that a prefix search compares."""
    return fold(clean(title))[:KEY_LENGTH]
