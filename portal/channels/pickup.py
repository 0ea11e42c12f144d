"""Where a buyer collects an order of a shop: the location of ours that the shop's words name, where they can be told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.channels.connectors.base import Pickup
from portal.core.audit import Actor
from portal.core.card_numbers import without_card_numbers
from portal.core.database import current_merchant_id, db
from portal.core.normalise import fold
from portal.orders.notes import add_note
from portal.stock.models import Location

UNKNOWN: Final = (
    "The buyer chose to collect this order in the shop: “{}”. No location in use is called so, and the order stands as to be"
    " sent. If it is collected, change its delivery."
)
PARTLY: Final = "The buyer chose to collect a part of this order in the shop: “{}”. An order goes one way here, so it stands as to be sent."

_location: Final = Location.__table__.c


def delivery_of(pickup: Pickup | None) -> tuple[str, int | None]:
    """How an order gets to its buyer, and from which place when it is collected."""
    place = _place_of(pickup) if pickup is not None and pickup.is_whole else None
    return ("ship", None) if place is None else ("collect", place)


def note_unknown_place(order_id: int, pickup: Pickup, *, subject_id: int | None, by: Actor) -> None:
    """Say on the order that its buyer wants to collect it, where the place could not be told."""
    words = (UNKNOWN if pickup.is_whole else PARTLY).format(
        without_card_numbers(pickup.place or pickup.label)[:200] or "Local pickup"
    )
    add_note(order_id, words, is_internal=True, subject_id=subject_id, by=by)


def _place_of(pickup: Pickup) -> int | None:
    """The location the shop names; where it names none, the one whose name its words hold, or the only one in use."""
    places = _places()
    if pickup.place:
        wanted = fold(pickup.place)
        return _only([row.id for row in places if wanted in (fold(row.name), fold(row.code))])
    words = fold(pickup.label)
    named = [row for row in places if re.search(rf"(?<!\w){re.escape(fold(row.name))}(?!\w)", words)]
    # “Leeds North” holds “Leeds”, too; the longer name is meant.
    longest = [row.id for row in named if not any(_is_within(row, other) for other in named)]
    return _only(longest) if named else _only([row.id for row in places])


def _is_within(row: Any, other: Any) -> bool:
    return row is not other and fold(row.name) in fold(other.name) and fold(row.name) != fold(other.name)


def _only(found: Sequence[int]) -> int | None:
    return found[0] if len(found) == 1 else None


def _places() -> Sequence[Any]:
    """The locations a person can go to."""
    return db.session.execute(
        sa.select(_location.id, _location.name, _location.code).where(
            _location.merchant_id == current_merchant_id(), _location.is_active, _location.kind != "virtual"
        )
    ).all()
