"""Which characters the fonts have a shape for. What has none becomes a replacement mark, never an empty box or an error.

PDF/A refuses a document with a missing glyph, and a buyer's name may hold anything, so text is brought into what can
be set before it is set.
"""

from __future__ import annotations

import functools
import struct
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from portal.paths import FONTS

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_CODE_POINTS: Final = 0x110000
# Joiners, marks of direction and variation selectors shape their neighbours and have no glyph of their own.
_INVISIBLE: Final = frozenset(
    "\u200c\u200d\u200e\u200f\u061c\u2066\u2067\u2068\u2069\ufe0e\ufe0f\u00ad\u2060"
)
_CONTROLS: Final = frozenset({"Cc", "Cs", "Co", "Cn"})


def printable(text: str) -> str:
    """*text* on one line, with every character that no font has a shape for replaced."""
    if text.isascii() and text.isprintable():
        return text
    covered = _coverage()
    kept = []
    for character in " ".join(unicodedata.normalize("NFC", text).split()):
        if character in _INVISIBLE:
            kept.append(character)
        elif unicodedata.category(character) in _CONTROLS:
            kept.append("" if ord(character) < 0xA0 else REPLACEMENT)
        elif unicodedata.category(character) == "Cf":
            continue
        else:
            point = ord(character)
            kept.append(character if covered[point >> 3] & (1 << (point & 7)) else REPLACEMENT)
    return "".join(kept)


def font_files() -> list[Path]:
    """The fonts documents are set in.

    Raises:
        RuntimeError: set-up did not gather them.
    """
    found = sorted(path for path in FONTS.glob("*") if path.suffix in {".ttf", ".otf", ".ttc"})
    if not found:
        raise RuntimeError(f"No fonts in {FONTS}. Run `make setup`, or copy the folder into the image.")
    return found


@functools.cache
def _coverage() -> bytearray:
    bits = bytearray(_CODE_POINTS >> 3)
    for path in font_files():
        with path.open("rb") as font:
            data = font.read()
        for first, last in _ranges(data):
            for point in range(first, last + 1):
                bits[point >> 3] |= 1 << (point & 7)
    return bits


def _ranges(font: bytes) -> Iterator[tuple[int, int]]:
    """The ranges of code points of a font, or of the first font of a collection: they share their characters."""
    start = struct.unpack_from(">I", font, 12)[0] if font[:4] == b"ttcf" else 0
    (tables,) = struct.unpack_from(">H", font, start + 4)
    for index in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sIII", font, start + 12 + 16 * index)
        if tag == b"cmap":
            yield from _ranges_of_cmap(font, offset)


def _ranges_of_cmap(font: bytes, cmap: int) -> Iterator[tuple[int, int]]:
    (count,) = struct.unpack_from(">H", font, cmap + 2)
    for index in range(count):
        _, _, offset = struct.unpack_from(">HHI", font, cmap + 4 + 8 * index)
        (form,) = struct.unpack_from(">H", font, cmap + offset)
        if form == 4:
            yield from _ranges_of_format_4(font, cmap + offset)
        elif form == 12:
            (groups,) = struct.unpack_from(">I", font, cmap + offset + 12)
            for group in range(groups):
                first, last, _ = struct.unpack_from(">III", font, cmap + offset + 16 + 12 * group)
                yield first, last


def _ranges_of_format_4(font: bytes, table: int) -> Iterator[tuple[int, int]]:
    segments = struct.unpack_from(">H", font, table + 6)[0] // 2
    ends = struct.unpack_from(f">{segments}H", font, table + 14)
    starts = struct.unpack_from(f">{segments}H", font, table + 16 + 2 * segments)
    deltas = struct.unpack_from(f">{segments}H", font, table + 16 + 4 * segments)
    offsets_at = table + 16 + 6 * segments
    offsets = struct.unpack_from(f">{segments}H", font, offsets_at)
    for index, (first, last) in enumerate(zip(starts, ends, strict=True)):
        if first == 0xFFFF:
            continue
        if not offsets[index]:
            yield first, last
            continue
        for point in range(first, last + 1):
            place = offsets_at + 2 * index + offsets[index] + 2 * (point - first)
            if (glyph := struct.unpack_from(">H", font, place)[0]) and (glyph + deltas[index]) & 0xFFFF:
                yield point, point
