"""Build static/icons/sprite.svg from the Tabler icons the pages use. Run after adding a name; the sprite is committed.

npm install && .venv/bin/python deploy/local/icons.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "node_modules" / "@tabler" / "icons" / "icons" / "outline"
TARGET = ROOT / "static" / "icons" / "sprite.svg"
NOTICE = (
    "<!-- Tabler Icons 3.51.0, https://tabler.io/icons, Copyright (c) 2020-2026 Paweł Kuna, MIT licence -->"
)

ICONS = """
adjustments alert-circle alert-triangle arrow-back-up arrow-down arrow-left arrow-right arrow-up arrows-sort ban barcode bell
bookmark box building-store building-warehouse calendar category chart-bar chart-line check checkbox chevron-down
chevron-left chevron-right chevron-up circle-check circle-dashed circle-x clipboard-list clock columns copy credit-card
database device-desktop device-floppy dots download edit external-link eye eye-off file-export file-import file-text
filter flag hand-stop help history home hourglass inbox info-circle key layout-list link list-check loader lock login
logout mail map-pin menu-2 message minus moon note package package-off player-pause phone photo player-play plug-connected
plug-connected-x plus printer receipt receipt-refund refresh rotate-clockwise search send settings shield
shield-check shield-lock list-details user-check user-off mail-off activity shopping-cart star sun switch-horizontal tag tags tool trash truck truck-delivery truck-return upload user
user-circle user-plus users world x
""".split()


def symbol(name: str) -> str:
    """One icon as a <symbol>; stroke and colour come from the page."""
    source = (SOURCE / f"{name}.svg").read_text(encoding="utf-8")
    paths = re.findall(r"<(?:path|circle|rect|line|polyline)\b[^>]*/>", source)
    drawn = [path for path in paths if 'd="M0 0h24v24H0z"' not in path]
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(drawn)}</symbol>'


def main() -> int:
    """Write the sprite; name what is missing."""
    missing = [name for name in ICONS if not (SOURCE / f"{name}.svg").is_file()]
    if missing:
        print(
            f"No such Tabler icon: {', '.join(missing)} (looked in {SOURCE.relative_to(ROOT)})",
            file=sys.stderr,
        )
        return 1
    symbols = "\n".join(symbol(name) for name in sorted(ICONS))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg">\n{NOTICE}\n{symbols}\n</svg>\n', encoding="utf-8"
    )
    print(f"{len(ICONS)} icons, {TARGET.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
