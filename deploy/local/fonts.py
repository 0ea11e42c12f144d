"""The fonts that documents are set in: pinned and hashed by the locks, gathered in fonts/, never committed.

One family per script, and a bitmap-like last resort that has a shape for every assigned character of the basic plane,
so that nobody's name prints as an empty box. All are under the SIL Open Font License.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from deploy.local.layout import ROOT, VENV, CannotGoOnError
from deploy.local.vendor import NODE_MODULES

FONTS = ROOT / "fonts"
SCRIPTS = (
    "arabic", "armenian", "bengali", "devanagari", "ethiopic", "georgian", "gujarati", "gurmukhi", "hebrew", "kannada",
    "khmer", "lao", "malayalam", "myanmar", "oriya", "sinhala", "tamil", "telugu", "thai",
)  # fmt: skip
REGULAR, SEMIBOLD, BOLD = "400Regular", "600SemiBold", "700Bold"
WEIGHTS = {
    "noto-sans": (REGULAR, SEMIBOLD, BOLD),
    **{f"noto-sans-{script}": (REGULAR, BOLD) for script in SCRIPTS},
    "noto-sans-symbols-2": (REGULAR,),
    "noto-sans-math": (REGULAR,),
    "noto-emoji": (REGULAR,),
}
LAST_RESORT = NODE_MODULES / "@fontsource/unifontex/files/unifontex-latin-400-normal.woff"
EAST_ASIAN = "noto_cjk_sans_otc/NotoSansCJK-Regular.ttc"


def ensure() -> None:
    """Gather the fonts that are not there yet; instant when all are.

    Raises:
        CannotGoOnError: a package does not hold the font it is there for.
    """
    FONTS.mkdir(exist_ok=True)
    wanted = dict(_copies())
    last_resort = FONTS / "UnifontEx.ttf"
    for stale in set(FONTS.iterdir()) - wanted.keys() - {last_resort}:
        stale.unlink()
    for target, source in wanted.items():
        if not target.exists() or target.stat().st_size != source.stat().st_size:
            shutil.copyfile(source, target)
    if not last_resort.exists():
        last_resort.write_bytes(unpacked_woff(LAST_RESORT.read_bytes()))


def unpacked_woff(packed: bytes) -> bytes:
    """The OpenType font inside a WOFF 1 file: the same tables, no longer deflated one by one."""
    signature, flavour, _, count = struct.unpack_from(">4sIIH", packed)
    if signature != b"wOFF":
        raise CannotGoOnError("This is no WOFF file; the font package was changed.")
    entries = [struct.unpack_from(">4sIIII", packed, 44 + 20 * i) for i in range(count)]
    power = count.bit_length() - 1
    head = struct.pack(">IHHHH", flavour, count, 16 << power, power, 16 * count - (16 << power))
    directory, tables = b"", b""
    for tag, offset, length, original, checksum in entries:
        table = packed[offset : offset + length]
        if length < original:
            table = zlib.decompress(table)
        directory += struct.pack(">4sIII", tag, checksum, 12 + 16 * count + len(tables), original)
        tables += table + bytes(-len(table) % 4)
    return head + directory + tables


def _copies() -> Iterator[tuple[Path, Path]]:
    for package, weights in WEIGHTS.items():
        for weight in weights:
            source = _one(NODE_MODULES / "@expo-google-fonts" / package / weight, "*.ttf")
            yield FONTS / source.name, source
    east_asian = _one(VENV, f"lib/python*/site-packages/{EAST_ASIAN}")
    yield FONTS / east_asian.name, east_asian


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise CannotGoOnError(f"No font {pattern} in {folder}; run make setup again.")
    return found[0]
