"""Taking promised units back when they turn out not to exist.

A count may find fewer units than were promised. Stock knows how many units of a level are reserved and allocated, and
not to whom; whoever promised them (reservations, orders) registers here and is asked to give units back. It writes its
own movements and opens whatever case the broken promise needs, in the caller's transaction.

    register_promises("orders", take_back_allocated, order=20)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from portal.core.audit import Actor


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Units of one level that are not there: how many, and the paper that found out (``count``, its id)."""

    variant_id: int
    location_id: int
    units: int
    cause_kind: str
    cause_id: int


class Holder(Protocol):
    """Gives promised units back."""

    def __call__(self, asked: TakeBack, *, by: Actor) -> int:
        """Release up to ``asked.units`` units of the level and say how many.

        The level is locked already. What is released is written by ``apply_moves`` (``released``, ``deallocated``) with the
        cause of *asked*, so that afterwards so many more units of the level are available. It never raises because it has
        fewer, and never commits.
        """


@dataclass(frozen=True, slots=True)
class _Registered:
    name: str
    holder: Holder
    order: int


_holders: Final[dict[str, _Registered]] = {}


def register_promises(name: str, holder: Holder, *, order: int) -> None:
    """Let *holder* give promised units back. Smaller orders are asked first: what costs a customer least.

    Harmless when repeated with the same name.
    """
    _holders[name] = _Registered(name, holder, order)


def take_back(asked: TakeBack, *, by: Actor) -> int:
    """Ask the holders, one after the other, until the units are found; gives how many were."""
    found = 0
    for each in sorted(_holders.values(), key=lambda one: (one.order, one.name)):
        if found >= asked.units:
            break
        rest = TakeBack(
            asked.variant_id, asked.location_id, asked.units - found, asked.cause_kind, asked.cause_id
        )
        found += each.holder(rest, by=by)
    return found
