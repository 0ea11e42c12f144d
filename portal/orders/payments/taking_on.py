"""Payments that come with an order: which account they belong to, and when what is set aside is taken."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, NotFoundError
from portal.core.jobs import enqueue
from portal.orders.book import lock_order, of_order
from portal.orders.models import OrderPayment, PaymentAttempt
from portal.orders.payments import rows, services
from portal.orders.payments.accounts import only_account_of
from portal.orders.payments.preferences import preferences

# A job that is alive brings its attempt on, or says when it goes on, well within this time.
STUCK_AFTER: Final = dt.timedelta(minutes=2)

_payment: Final = OrderPayment.__table__
_attempt: Final = PaymentAttempt.__table__


def take_on(order_id: int) -> None:
    """Give the payments of a new order their account and ask the gateway how they stand; what they claim is not believed."""
    for payment in _payments(order_id):
        if payment["account_id"] is not None or not payment["gateway_reference"]:
            continue
        account = only_account_of(payment["gateway"])
        if account is not None:
            rows.change_payment(order_id, payment["n"], account_id=account.id)
            enqueue("payments.look", {"order_id": order_id, "n": payment["n"]}, by=SYSTEM, unique_key=f"{order_id}:{payment['n']}")  # fmt: skip


def capture_when_due(order_id: int, *, is_dispatched: bool) -> None:
    """Take what is set aside and still due, when the merchant takes money at this moment of an order's life."""
    moment = preferences().capture_on
    if moment == "by_hand" or (moment == "dispatch" and not is_dispatched):
        return
    try:
        head = lock_order(order_id)
    except NotFoundError:
        return
    if head["state"] == "cancelled":
        return
    payments = [each for each in _payments(order_id) if each["account_id"] is not None]
    under_way = sum((each["capture_pending"] for each in payments), Decimal(0))
    due = -head["credit_total"] - under_way
    for payment in payments:
        left = payment["amount"] - payment["captured_amount"] - payment["capture_pending"]
        amount = min(left, due)
        if payment["state"] == "authorised" and amount > 0:
            # A payment that is being let go is not taken; whoever lets it go knows that the order left.
            with suppress(ConflictError):
                services.capture(order_id, payment["n"], amount, key=f"{moment}-{payment['n']}", by=SYSTEM)
                due -= amount


def let_go_of_cancelled(order_id: int) -> None:
    """Let go of what is set aside for an order that was cancelled: nobody may take it any more, and the buyer waits for it."""
    try:
        head = lock_order(order_id)
    except NotFoundError:
        return
    if head["state"] != "cancelled" or head["credit_total"] < 0:
        return
    for payment in _payments(order_id):
        if payment["account_id"] is not None and payment["state"] == "authorised":
            # What is being taken or let go just now has an end of its own.
            with suppress(ConflictError):
                services.void(order_id, payment["n"], key=f"cancelled-{payment['n']}", by=SYSTEM)


def stuck_attempts() -> Sequence[tuple[int, int]]:
    """Attempts without an end that nobody brings on any more."""
    found = db.session.execute(
        sa.select(_attempt.c.order_id, _attempt.c.n)
        .where(
            _attempt.c.merchant_id == current_merchant_id(),
            _attempt.c.state.in_(rows.OPEN),
            _attempt.c.action != "checkout",
            sa.func.coalesce(_attempt.c.next_ask_at, _attempt.c.created_at) < utc_now() - STUCK_AFTER,
        )
        .order_by(_attempt.c.created_at)
        .limit(200)
    )
    return [(row.order_id, row.n) for row in found]


def _payments(order_id: int) -> Sequence[sa.RowMapping]:
    return (
        db.session.execute(sa.select(_payment).where(of_order(_payment, order_id)).order_by(_payment.c.n))
        .mappings()
        .all()
    )
