"""Ask how a payment stands and take it over."""

from __future__ import annotations

from collections.abc import Callable

from portal.core.audit import Actor
from portal.orders.payments import rows
from portal.orders.payments.accounts import account_of_payment, gateway_of
from portal.orders.payments.settling import Moved, settle


def look_at_payment(order_id: int, payment_n: int, *, by: Actor, commit: Callable[[], None]) -> Moved | None:
    """Bring a payment to where its gateway says it stands; None when the gateway does not know it.

    Raises:
        GatewayError: the gateway did not answer, or means another payment.
        DomainError: the payment was not made through a gateway.
    """
    payment = rows.payment_of(order_id, payment_n)
    caller = gateway_of(account_of_payment(payment))
    reference = payment["gateway_reference"]
    commit()
    remote = caller.payment(reference) if reference else None
    if remote is None:
        return None
    moved = settle(order_id, payment_n, remote, by=by)
    commit()
    return moved
