"""Money that came in outside a gateway."""

from __future__ import annotations

from decimal import Decimal

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.errors import ConflictError, DomainError
from portal.core.money import minor_units
from portal.orders.book import insert_row, lock_order, next_n, one_line, tell
from portal.orders.models import OrderPayment
from portal.orders.payments.balance import move_money

_payment = OrderPayment.__table__


def take_payment(order_id: int, amount: Decimal, *, method: str, reference: str | None, by: Actor) -> None:
    """Record money that came in outside a gateway: cash, a bank transfer.

    Raises:
        DomainError: the amount is not above zero, has too many decimals, or is more than is due.
        ConflictError: the order is cancelled.
    """
    head = lock_order(order_id)
    due, decimals = -head["credit_total"], minor_units(head["currency"])
    if head["state"] == "cancelled":
        raise ConflictError("The order is cancelled; no money may be taken for it.")
    if due <= 0:
        raise ConflictError("Nothing is due on this order any more.")
    if amount <= 0:
        raise DomainError("Enter an amount above zero.", field="amount")
    if amount != round(amount, decimals):
        raise DomainError(f"{head['currency']} is paid with {decimals or 'no'} decimals.", field="amount")
    if amount > due:
        raise DomainError(
            f"That is more than the {due:.{decimals}f} {head['currency']} still due.", field="amount"
        )
    insert_row(
        _payment, order_id, n=next_n(_payment, order_id), state="captured", method=one_line(method, 40) or "other",
        gateway="manual", gateway_reference=one_line(reference, 80) or None, amount=amount, captured_amount=amount,
        currency=head["currency"], at=utc_now(),
    )  # fmt: skip
    move_money(order_id, head, captured=amount)
    tell(order_id, "paid", by, amount=str(amount), currency=head["currency"])
