"""What is asked of payments: take, let go, give back. Each writes what is asked and a job; the job makes the call.

Nothing here speaks to a gateway. A second request with the same key is the first one; what is under way is set apart in
the same statement that checks it, so two people at once cannot take or give back more than there is.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.core.formats import money
from portal.core.jobs import enqueue
from portal.orders.book import insert_row, lock_order, next_n, of_order, tell
from portal.orders.models import OrderPayment, OrderRefund
from portal.orders.payments import rows
from portal.orders.payments.accounts import account_for_new, account_of_payment
from portal.orders.payments.balance import move_money, refunds_under_way
from portal.orders.payments.links import create_link

__all__ = ["authorise", "capture", "create_link", "request_refund", "retry_refund", "void"]

LONGEST_REASON: Final = 500
BY_GATEWAY: Final = "gateway"

_payment: Final = OrderPayment.__table__
_refund: Final = OrderRefund.__table__


def authorise(
    order_id: int,
    amount: Decimal,
    *,
    token: str,
    key: str,
    by: Actor,
    account_id: int | None = None,
    is_captured_at_once: bool = False,
) -> int:
    """Ask a gateway to set money aside with a token it keeps for the buyer; gives the payment's number.

    Raises:
        DomainError: no gateway is on, or the amount cannot be charged.
        ConflictError: the order is cancelled.
    """
    head = lock_order(order_id)
    known = rows.attempt_by_key(order_id, f"authorise:{rows.checked_key(key)}")
    if known is not None:
        return int(known["payment_n"])
    if head["state"] == "cancelled":
        raise ConflictError("The order is cancelled; no money may be taken for it.")
    rows.checked_amount(amount, head["currency"])
    account = account_for_new(account_id)
    payment_n = next_n(_payment, order_id)
    insert_row(
        _payment, order_id, n=payment_n, state="pending", method="card", gateway=account.kind, account_id=account.id,
        gateway_token=token, amount=amount, currency=head["currency"], at=utc_now(),
    )  # fmt: skip
    attempt_n = rows.add_attempt(
        order_id, payment_n, "authorise", account_id=account.id, key=f"authorise:{key}", amount=amount, by=by
    )
    _ask(order_id, attempt_n, by, at_once=is_captured_at_once)
    _note("authorise", order_id, payment_n, amount, by)
    return payment_n


def capture(order_id: int, payment_n: int, amount: Decimal, *, key: str, by: Actor) -> int:
    """Ask the gateway to take some or all of what is set aside; gives the number of the attempt.

    Raises:
        DomainError: more than is left of the payment, or an amount that cannot be charged.
        ConflictError: the payment is not authorised any more, or is being let go; or the order is cancelled.
    """
    head = lock_order(order_id)
    known = rows.attempt_by_key(order_id, f"capture:{rows.checked_key(key)}")
    if known is not None:
        return int(known["n"])
    payment = rows.payment_of(order_id, payment_n)
    rows.checked_amount(amount, payment["currency"])
    if head["state"] == "cancelled":
        raise ConflictError("The order is cancelled; what is set aside for it goes back to the buyer.")
    if payment["state"] != "authorised" or _is_being_let_go(order_id, payment_n):
        raise ConflictError("Nothing of this payment can be taken any more. It changed since you looked.")
    set_apart = db.session.execute(
        sa.update(_payment)
        .where(
            of_order(_payment, order_id),
            _payment.c.n == payment_n,
            _payment.c.captured_amount + _payment.c.capture_pending + amount <= _payment.c.amount,
        )
        .values(capture_pending=_payment.c.capture_pending + amount)
        .returning(_payment.c.n)
    ).first()
    if set_apart is None:
        left = payment["amount"] - payment["captured_amount"] - payment["capture_pending"]
        raise DomainError(f"Only {money(left, payment['currency'])} is left to take.", field="amount")
    attempt_n = rows.add_attempt(
        order_id, payment_n, "capture", account_id=account_of_payment(payment).id, key=f"capture:{key}",
        amount=amount, by=by,
    )  # fmt: skip
    _ask(order_id, attempt_n, by)
    _note("capture", order_id, payment_n, amount, by)
    return attempt_n


def void(order_id: int, payment_n: int, *, key: str, by: Actor) -> int:
    """Ask the gateway to let go of what is set aside and not taken; gives the number of the attempt.

    Raises:
        ConflictError: nothing is set aside, or some of it is being taken just now.
    """
    lock_order(order_id)
    known = rows.attempt_by_key(order_id, f"void:{rows.checked_key(key)}")
    if known is not None:
        return int(known["n"])
    payment = rows.payment_of(order_id, payment_n)
    if (
        payment["state"] != "authorised"
        or payment["capture_pending"]
        or _is_being_let_go(order_id, payment_n)
    ):
        raise ConflictError("Nothing of this payment can be let go just now. It changed since you looked.")
    left = payment["amount"] - payment["captured_amount"]
    attempt_n = rows.add_attempt(
        order_id,
        payment_n,
        "void",
        account_id=account_of_payment(payment).id,
        key=f"void:{key}",
        amount=left,
        by=by,
    )
    _ask(order_id, attempt_n, by)
    _note("void", order_id, payment_n, left, by)
    return attempt_n


def request_refund(
    order_id: int, payment_n: int, amount: Decimal, *, key: str, reason: str | None, by: Actor
) -> int:
    """Give money of a payment back; gives the refund's number.

    A payment of a gateway: the refund is ``pending`` until the gateway answered, then ``done`` or ``failed``; only a
    done one counts in the order's totals. A payment made otherwise was given back by hand and is done at once.

    Raises:
        DomainError: more than is left of the payment or of the order, or an amount that cannot be paid.
    """
    head = lock_order(order_id)
    known = rows.refund_by_key(order_id, rows.checked_key(key))
    if known is not None:
        return int(known["n"])
    payment = rows.payment_of(order_id, payment_n)
    rows.checked_amount(amount, payment["currency"])
    asks_gateway = is_by_gateway(payment)
    account_id = account_of_payment(payment).id if asks_gateway else None
    _set_refund_apart(order_id, head, payment, amount, is_pending=asks_gateway)
    refund_n = next_n(_refund, order_id)
    insert_row(
        _refund, order_id, n=refund_n, state="pending" if asks_gateway else "done", key=key, payment_n=payment_n, amount=amount,
        destination="payment", reason=(reason or "").replace("\0", "").strip()[:LONGEST_REASON] or None, actor_kind=by.kind,
        actor_id=by.id, at=utc_now(),
    )  # fmt: skip
    if account_id is None:
        move_money(order_id, head, refunded=amount)
        tell(order_id, "refunded", by, amount=str(amount), currency=payment["currency"])
        return refund_n
    attempt_n = rows.add_attempt(
        order_id, payment_n, "refund", account_id=account_id, key=f"refund:{key}", amount=amount, by=by,
        refund_n=refund_n,
    )  # fmt: skip
    _ask(order_id, attempt_n, by)
    _note("refund", order_id, payment_n, amount, by)
    return refund_n


def refundable(payment: sa.RowMapping) -> Decimal:
    """What can still be given back of a payment: not what is under way, nor what a dispute holds."""
    left = payment["captured_amount"] - payment["refunded_amount"] - payment["refund_pending"]
    return max(Decimal(left - payment["disputed_amount"]), Decimal(0))


def is_by_gateway(payment: sa.RowMapping) -> bool:
    """Whether the money of a payment is moved by a gateway of ours, and not by hand or by another system."""
    return payment["account_id"] is not None


def _set_refund_apart(
    order_id: int, head: sa.RowMapping, payment: sa.RowMapping, amount: Decimal, *, is_pending: bool
) -> None:
    of_the_order = head["captured_total"] - head["refunded_total"] - refunds_under_way(order_id)
    column = _payment.c.refund_pending if is_pending else _payment.c.refunded_amount
    spoken_for = _payment.c.refunded_amount + _payment.c.refund_pending + _payment.c.disputed_amount
    set_apart = (
        amount <= of_the_order
        and db.session.execute(
            sa.update(_payment)
            .where(
                of_order(_payment, order_id),
                _payment.c.n == payment["n"],
                spoken_for + amount <= _payment.c.captured_amount,
            )
            .values({column: column + amount})
            .returning(_payment.c.n)
        ).first()
    )
    if not set_apart:
        left = min(refundable(payment), of_the_order)
        raise DomainError(f"Only {money(left, payment['currency'])} of it can be given back.", field="amount")


def _is_being_let_go(order_id: int, payment_n: int) -> bool:
    return any(each["action"] == "void" for each in rows.open_attempts(order_id, payment_n))


def _ask(order_id: int, attempt_n: int, by: Actor, **options: bool) -> None:
    enqueue(
        "payments.attempt", {"order_id": order_id, "n": attempt_n, **options}, by=by, unique_key=f"{order_id}:{attempt_n}:0"
    )  # fmt: skip


def _note(action: str, order_id: int, payment_n: int, amount: Decimal, by: Actor) -> None:
    audit.record(
        action=f"payment.{action}_requested", by=by, subject=("order", order_id), after={"payment": payment_n, "amount": str(amount)}
    )  # fmt: skip


def retry_refund(order_id: int, refund_n: int, *, key: str, by: Actor) -> int:
    """Ask again for a refund that failed, as a refund of its own; gives its number.

    Raises:
        ConflictError: it did not fail, or was asked for again already.
        DomainError: so much is not left to give back any more.
    """
    lock_order(order_id)
    failed = db.session.execute(
        sa.select(_refund).where(of_order(_refund, order_id), _refund.c.n == refund_n)
    ).mappings().one_or_none()  # fmt: skip
    if failed is None or failed["state"] != "failed" or failed["payment_n"] is None:
        raise ConflictError("Only a refund that failed is asked for again. It changed since you looked.")
    again = f"again-{refund_n}"
    if rows.refund_by_key(order_id, again) is not None:
        raise ConflictError("This refund was asked for again already. See its newest row.")
    rows.checked_key(key)
    return request_refund(
        order_id, failed["payment_n"], failed["amount"], key=again, reason=failed["reason"], by=by
    )
