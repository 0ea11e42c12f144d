"""Where a return may go from where it is. Every state but the two last has a way on."""

from __future__ import annotations

from typing import Final

MOVES: Final[dict[str, frozenset[str]]] = {
    "requested": frozenset({"approved", "rejected"}),
    "approved": frozenset({"on_the_way", "received", "rejected"}),
    "on_the_way": frozenset({"received", "rejected"}),
    "received": frozenset({"received", "inspected", "rejected"}),
    "inspected": frozenset({"refunded", "rejected"}),
    "refunded": frozenset(),
    "rejected": frozenset(),
}

OPEN: Final = tuple(state for state, moves in MOVES.items() if moves)

LABELS: Final = {
    "requested": "To approve",
    "approved": "Awaiting the parcel",
    "on_the_way": "On the way",
    "received": "To inspect",
    "inspected": "To refund",
    "refunded": "Refunded",
    "rejected": "Rejected",
}

KIND_LABELS: Final = {"return": "Return", "withdrawal": "Withdrawal", "exchange": "Exchange"}


def may_move(before: str, after: str) -> bool:
    """Whether a return in state *before* may go to *after*."""
    return after in MOVES.get(before, frozenset())
