"""A change in the words of its screens: which way its money goes back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from portal.orders.changes.order_now import OrderNow
from portal.orders.changes.plan import Plan
from portal.orders.store_credit.services import METHOD as STORE_CREDIT

WHOLE: Final = {"store_credit": "as store credit", "outside": "outside the portal"}


def money_back(plan: Plan) -> list[tuple[str, Decimal]]:
    """The ways the money of a plan goes back, with the amount of each."""
    if plan.refund is None:
        return []
    if plan.refund.destination in WHOLE:
        return [(WHOLE[plan.refund.destination], plan.refund.amount)]
    return [(_way(plan.now, payment_n), amount) for payment_n, amount in plan.refund.parts]


def paid_by_hand(plan: Plan) -> Decimal:
    """How much of the money somebody has to pay back themselves; the portal only records it."""
    return sum((amount for _, amount in _by_hand(plan)), Decimal(0))


def _by_hand(plan: Plan) -> Iterator[tuple[int | None, Decimal]]:
    parts = plan.refund.parts if plan.refund and plan.refund.destination == "payment" else ()
    methods = {each.n: each.method for each in plan.now.payments if not each.is_by_gateway}
    for payment_n, amount in parts:
        if payment_n is None or methods.get(payment_n, STORE_CREDIT) != STORE_CREDIT:
            yield payment_n, amount


def _way(now: OrderNow, payment_n: int | None) -> str:
    payment = next((each for each in now.payments if each.n == payment_n), None)
    if payment is None:
        return "by hand: you pay it back yourself"
    if payment.method == STORE_CREDIT:
        return "to the store credit it was paid with"
    method = payment.method.replace("_", " ")
    if payment.is_by_gateway:
        return f"through the gateway, to the {method}"
    return f"by hand, as it was paid ({method}): you pay it back yourself"
