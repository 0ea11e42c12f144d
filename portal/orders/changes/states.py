"""The states of an order after a change: what is left to send, whether it is over, how it stands paid."""

from __future__ import annotations

from typing import Any

from portal.core.clock import utc_now
from portal.orders.changes.plan import Plan
from portal.orders.payments.balance import payment_state_of


def states_after(plan: Plan, *, is_authorised: bool) -> dict[str, Any]:
    """The columns of the head that a change sets besides its money."""
    now, by_line = plan.now, {part.n: part for part in plan.lines}
    unsent = sum(each.wish.quantity for each in plan.added)
    sent, back = 0, 0
    for line in now.lines:
        part = by_line.get(line.n)
        if line.quantity > 0:
            moved = part.added_units - part.cancelled_units if part else 0
            unsent += line.unsent + moved
            sent += line.fulfilled
            back += line.returned + (part.back_units if part else 0)
    values: dict[str, Any] = {"fulfilment_state": _fulfilment(unsent, sent, back, now.fulfilment_state)}
    values |= _order_state(plan, unsent, sent)
    cancelled = values.get("state", now.state) == "cancelled"
    if not (cancelled and not now.captured):
        values["payment_state"] = payment_state_of(
            plan.after.due, now.captured, now.refunded, is_authorised=is_authorised
        )
    return values


def _fulfilment(unsent: int, sent: int, back: int, before: str) -> str:
    if sent and not unsent:
        return "returned" if back >= sent else "fulfilled"
    if sent:
        return "part_fulfilled"
    # An order of charges alone, and one of credits, has nothing to send from the start.
    return "unfulfilled" if unsent else "none" if before != "fulfilled" else before


def _order_state(plan: Plan, unsent: int, sent: int) -> dict[str, Any]:
    state = plan.now.state
    cancels = any(part.cancelled_units for part in plan.lines)
    if unsent and state in {"closed", "cancelled"}:
        return {"state": "open", "closed_at": None}
    if not unsent and state in {"open", "on_hold"} and cancels:
        over = "closed" if sent else "cancelled"
        return {"state": over, "closed_at": utc_now(), "hold_reason": None}
    return {}
