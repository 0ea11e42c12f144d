"""What staff do to an order, under one name; each subject has a file of its own.

Each act locks the order first and decides on what stands then, so a double click or a stale tab changes nothing twice.
"""

from __future__ import annotations

from portal.orders.cancelling import cancel_order
from portal.orders.fulfilment.parcels import mark_delivered, ship_lines
from portal.orders.guards import require_unchanged
from portal.orders.holds import hold_order, release_order
from portal.orders.notes import add_note
from portal.orders.tags import add_tag, checked_tag, remove_tag
from portal.orders.taking import take_payment

__all__ = [
    "add_note",
    "add_tag",
    "cancel_order",
    "checked_tag",
    "hold_order",
    "mark_delivered",
    "release_order",
    "remove_tag",
    "require_unchanged",
    "ship_lines",
    "take_payment",
]
