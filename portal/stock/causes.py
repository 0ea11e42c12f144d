"""What a movement came from, in words and with a link. Whoever owns the cause says how to name it.

Orders and imports stand above stock; they register a function at start, and the ledger asks it for a page of ids at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WORDS: Final = {
    "order": "Order",
    "import": "Import",
    "import_undo": "Import taken back",
    "person": "By hand",
    "channel": "Channel",
    "verification": "Verification",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause as the ledger shows it."""

    words: str
    url: str | None = None


Names = Callable[[Sequence[int]], Mapping[int, Cause]]

_names: dict[str, Names] = {}


def register_cause(kind: str, names: Names) -> None:
    """Name the causes of a kind: ``names(ids)`` gives words and address by id, in one statement."""
    _names[kind] = names


def causes_of(movements: Iterable[tuple[str, int | None]]) -> dict[tuple[str, int | None], Cause]:
    """The causes of a page of movements, one statement per kind that is among them."""
    wanted: dict[str, set[int]] = {}
    pairs = set(movements)
    for kind, key in pairs:
        if key is not None:
            wanted.setdefault(kind, set()).add(key)
    known = {kind: _names[kind](sorted(keys)) for kind, keys in wanted.items() if kind in _names}
    return {(kind, key): known.get(kind, {}).get(key or 0) or Cause(_plain(kind, key)) for kind, key in pairs}


def _plain(kind: str, key: int | None) -> str:
    words = WORDS.get(kind, kind.replace("_", " ").capitalize())
    return words if key is None or kind == "person" else f"{words} {key}"
