"""Codes that scanners read: bars for order numbers, squares for what a phone reads."""

from __future__ import annotations

from typing import Final

import segno
from barcode.codex import Code128  # type: ignore[import-untyped]

from portal.orders.documents.papers import Code

LONGEST_BARS: Final = 24
QUIET: Final = 10
BARS_HEIGHT: Final = 60


def bars(text: str) -> Code | None:
    """Code 128 of *text*, or None when it is longer than a label or holds what the code cannot say."""
    if not (0 < len(text) <= LONGEST_BARS and text.isascii() and text.isprintable()):
        return None
    (modules,) = Code128(text).build()
    path, at = [], 0
    while at < len(modules):
        run = len(modules[at:]) - len(modules[at:].lstrip(modules[at]))
        if modules[at] == "1":
            path.append(f"M{at + QUIET} 0h{run}v{BARS_HEIGHT}h-{run}z")
        at += run
    return Code(_svg(len(modules) + 2 * QUIET, BARS_HEIGHT, "".join(path)), text)


def square(text: str, *, caption: str | None = None) -> Code:
    """A QR code of *text*, readable with up to a quarter of it damaged."""
    code = segno.make(text, error="q", micro=False)
    border = 2
    path = "".join(
        f"M{x + border} {y + border}h1v1h-1z" for y, row in enumerate(code.matrix) for x, module in enumerate(row) if module
    )  # fmt: skip
    size = len(code.matrix) + 2 * border
    return Code(_svg(size, size, path), text if caption is None else caption, square=True)


def _svg(width: int, height: int, path: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<path d="{path}"/></svg>'
    )
