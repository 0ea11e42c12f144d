"""Keep an order back, and let it go on."""

from __future__ import annotations

from collections.abc import Sequence

from portal.core.audit import Actor
from portal.core.errors import ConflictError, DomainError
from portal.orders.allocation import promise_lines
from portal.orders.book import change_order, lock_order, one_line, tell


def hold_order(order_id: int, reason: str, *, by: Actor) -> None:
    """Keep an open order back; its stock stays promised.

    Raises:
        DomainError: there is no reason.
        ConflictError: the order is not open any more.
    """
    typed = one_line(reason, 200)
    if not typed:
        raise DomainError("Say why the order must wait.", field="reason")
    if lock_order(order_id)["state"] != "open":
        raise ConflictError("Only an open order can be put on hold. It changed since you looked.")
    change_order(order_id, state="on_hold", hold_reason=typed)
    tell(order_id, "held", by, hold_reason=typed)


def release_order(order_id: int, *, by: Actor) -> Sequence[str]:
    """Let a held order go on, promising what is not promised yet; gives the SKUs that are still short.

    Raises:
        ConflictError: the order is not on hold.
    """
    if lock_order(order_id)["state"] != "on_hold":
        raise ConflictError("The order is not on hold any more.")
    short = promise_lines(order_id, by)
    reason = f"Not enough stock: {', '.join(short)}" if short else None
    change_order(order_id, state="on_hold" if short else "open", hold_reason=reason)
    tell(order_id, "hold_changed" if short else "released", by, **({"hold_reason": reason} if reason else {}))
    return short
