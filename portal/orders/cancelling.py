"""Cancel what has not left."""

from __future__ import annotations

from portal.core.audit import Actor
from portal.core.errors import ConflictError
from portal.orders.book import lock_order
from portal.orders.changes.order_now import read_order
from portal.orders.changes.services import change_at_once, whole_cancellation


def cancel_order(order_id: int, *, by: Actor) -> None:
    """Cancel what has not left; its units go back on sale. What was paid for it is owed to the buyer until it is given
    back, which is an act of its own.

    Raises:
        ConflictError: it is cancelled already, or everything has left.
    """
    head = lock_order(order_id)
    if head["state"] == "cancelled":
        raise ConflictError("The order is cancelled already.")
    if head["fulfilment_state"] == "fulfilled":
        raise ConflictError("Everything of this order has left. What comes back is a return.")
    if head["state"] == "closed":
        raise ConflictError("The order is closed; there is nothing left of it to cancel.")
    change_at_once(order_id, whole_cancellation(read_order(head)), reason_code="other", by=by)
