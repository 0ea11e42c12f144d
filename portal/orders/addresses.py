"""Order numbers in web addresses. An imported number may hold anything: slashes, percent signs, other scripts.

Web servers and browsers decode, join and cut the path on the way, so what percent-encoding cannot carry safely is
written with a tilde: ``A/1`` stands in an address as ``A~2F1``.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from werkzeug.routing import BaseConverter

# Words that addresses below /orders begin with, and dots, which browsers take for a folder.
TAKEN: Final = frozenset({"bulk", "of-customer", "worklist", ".", ".."})
_ESCAPED: Final = re.compile(r"(?:~[0-9A-F]{2})+")


class OrderNumberConverter(BaseConverter):
    """``<order_number:number>``: one segment of the path, whatever the number holds."""

    def to_python(self, value: str) -> str:
        return _ESCAPED.sub(lambda found: _unescaped(found[0]), value)

    def to_url(self, value: str) -> str:
        escaped = quote(str(value), safe="").replace("~", "%7E").replace("%", "~")
        return f"~{ord(escaped[0]):02X}{escaped[1:]}" if escaped in TAKEN else escaped


def _unescaped(text: str) -> str:
    return bytes.fromhex(text.replace("~", "")).decode("utf-8", "replace")
