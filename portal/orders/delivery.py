"""How the goods of an order get to its buyer: sent, collected at a place, or taken from there at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.orders.book import change_order, lines_of, lock_order, tell
from portal.orders.fulfilment.leaving import set_apart
from portal.orders.fulfilment.placing import bring_to
from portal.orders.models import DELIVERIES
from portal.stock.models import Location

WORDS: Final = {"ship": "Send it", "collect": "Collect at {}", "hand_over": "Taken at once from {}"}

_location = Location.__table__


def change_delivery(order_id: int, delivery: str, location_id: int | None, *, by: Actor) -> bool:
    """The buyer wants it another way; gives whether that was new. What is promised moves to where it is fetched.

    Raises:
        DomainError: it is no way, or the location is not in use.
        ConflictError: everything has left, a parcel waits already, or the place has too few units.
    """
    delivery, location_id = checked_delivery(delivery, location_id)
    head = lock_order(order_id)
    if (head["delivery"], head["delivery_location_id"]) == (delivery, location_id):
        return False
    if head["state"] not in ("open", "on_hold"):
        raise ConflictError(f"The order is {head['state'].replace('_', ' ')}; nothing of it is under way.")
    if set_apart(order_id):
        raise ConflictError("A parcel of this order waits already. Undo it first.", field="delivery")
    if location_id is not None:
        units = {line["n"]: line["allocated_quantity"] for line in lines_of(order_id)}
        bring_to(order_id, units, location_id, by=by)
    change_order(order_id, delivery=delivery, delivery_location_id=location_id)
    tell(order_id, "delivery_changed", by, way=delivery, place=place_name(location_id) or "")
    return True


def checked_delivery(delivery: str, location_id: int | None) -> tuple[str, int | None]:
    """The way and its place; what is sent has none.

    Raises:
        DomainError: it is no way, or the location is not in use.
    """
    if delivery not in DELIVERIES:
        raise DomainError("Choose how it gets to the buyer.", field="delivery")
    if delivery == "ship":
        return delivery, None
    if location_id is None or location_id not in _places():
        raise DomainError("Choose a location that is in use.", field="delivery")
    return delivery, location_id


def delivery_choices() -> list[tuple[str, str]]:
    """Every way and place for a select, to be read by ``parsed_delivery``."""
    return [("ship", WORDS["ship"])] + [
        (delivery_word(way, place), WORDS[way].format(name))
        for way in ("collect", "hand_over")
        for place, name in _places().items()
    ]


def delivery_word(delivery: str, location_id: int | None) -> str:
    """A way and its place as one value of a select."""
    return delivery if location_id is None else f"{delivery}:{location_id}"


def parsed_delivery(text: str) -> tuple[str, int | None]:
    """Way and place behind a value of the select; what is neither is refused by ``checked_delivery``."""
    way, _, place = text.partition(":")
    return way, int(place) if place.isascii() and place.isdigit() and len(place) < 19 else None


def place_name(location_id: int | None) -> str | None:
    """The name of the place, in use or not."""
    return db.session.scalar(
        sa.select(_location.c.name).where(
            _location.c.merchant_id == current_merchant_id(), _location.c.id == location_id
        )
    )


def _places() -> Mapping[int, str]:
    rows: Any = db.session.execute(
        sa.select(_location.c.id, _location.c.name)
        .where(_location.c.merchant_id == current_merchant_id(), _location.c.is_active)
        .order_by(_location.c.position, _location.c.name, _location.c.id)
    )
    return {row.id: row.name for row in rows}
