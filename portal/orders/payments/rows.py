"""The rows of payments: read, found by what the gateway calls them, and written by one statement each."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError
from portal.core.ids import parse_public_id, public_id
from portal.core.money import minor_units
from portal.orders.book import of_order
from portal.orders.models import GatewayAccount, OrderPayment, OrderRefund, PaymentAttempt, PaymentLink

OPEN: Final = ("started", "unknown")
KEY_FORM: Final = re.compile(r"[A-Za-z0-9._:-]{1,120}")

_payment: Final = OrderPayment.__table__
_refund: Final = OrderRefund.__table__
_attempt: Final = PaymentAttempt.__table__
_link: Final = PaymentLink.__table__


def wire_key(order_id: int, key: str) -> str:
    """The key of an attempt as the gateway gets it: the order is part of it, so that an answer finds its way home."""
    return f"{public_id('ord', order_id)}:{key}"


def order_of_wire_key(text: str | None) -> tuple[int, str] | None:
    """The order and the key behind what the gateway was given, or None when it is not ours."""
    head, colon, key = (text or "").partition(":")
    order_id = parse_public_id("ord", head) if colon else None
    return None if order_id is None else (order_id, key)


def checked_key(key: str) -> str:
    """A caller's key.

    Raises:
        ValueError: it is empty, long or holds anything but letters, digits and ``._:-``: a fault of ours.
    """
    if not KEY_FORM.fullmatch(key):
        raise ValueError("A key has 1 to 120 letters, digits, dots, colons, dashes.")
    return key


def checked_amount(amount: Decimal, currency: str) -> Decimal:
    """An amount that can be charged.

    Raises:
        DomainError: it is not above zero, or has more decimals than the currency.
    """
    decimals = minor_units(currency)
    if not amount.is_finite() or amount <= 0:
        raise DomainError("Enter an amount above zero.", field="amount")
    if amount != round(amount, decimals):
        raise DomainError(f"{currency} is paid with {decimals or 'no'} decimals.", field="amount")
    return amount


def payment_of(order_id: int, payment_n: int) -> sa.RowMapping:
    """A payment of an order; lock the order first when you mean to change it.

    Raises:
        NotFoundError: the order has no such payment.
    """
    found = (
        db.session.execute(sa.select(_payment).where(of_order(_payment, order_id), _payment.c.n == payment_n))
        .mappings()
        .one_or_none()
    )
    if found is None:
        raise NotFoundError("The order has no such payment.")
    return found


def change_payment(order_id: int, payment_n: int, **values: Any) -> None:
    """Write columns of a payment; the order is locked by the caller."""
    db.session.execute(
        sa.update(_payment).where(of_order(_payment, order_id), _payment.c.n == payment_n).values(**values)
    )


def payment_by_reference(account: GatewayAccount, reference: str) -> tuple[int, int] | None:
    """Order and number of the payment that the gateway of an account calls so."""
    found = db.session.execute(
        sa.select(_payment.c.order_id, _payment.c.n)
        .where(
            _payment.c.merchant_id == current_merchant_id(),
            _payment.c.gateway_reference == reference,
            sa.or_(
                _payment.c.account_id == account.id,
                sa.and_(_payment.c.account_id.is_(None), _payment.c.gateway == account.kind),
            ),
        )
        .order_by(_payment.c.order_id.desc())
        .limit(1)
    ).one_or_none()
    return None if found is None else (found.order_id, found.n)


def attempt_of(order_id: int, n: int) -> sa.RowMapping | None:
    """One attempt."""
    return (
        db.session.execute(sa.select(_attempt).where(of_order(_attempt, order_id), _attempt.c.n == n))
        .mappings()
        .one_or_none()
    )


def attempt_by_key(order_id: int, key: str) -> sa.RowMapping | None:
    """The attempt of an order with a key."""
    return (
        db.session.execute(sa.select(_attempt).where(of_order(_attempt, order_id), _attempt.c.key == key))
        .mappings()
        .one_or_none()
    )


def open_attempts(order_id: int, payment_n: int) -> Sequence[sa.RowMapping]:
    """What was asked about a payment and has no end yet, the oldest first."""
    return (
        db.session.execute(
            sa.select(_attempt)
            .where(
                of_order(_attempt, order_id), _attempt.c.payment_n == payment_n, _attempt.c.state.in_(OPEN)
            )
            .order_by(_attempt.c.n)
        )
        .mappings()
        .all()
    )


def add_attempt(
    order_id: int,
    payment_n: int,
    action: str,
    *,
    account_id: int,
    key: str,
    amount: Decimal,
    by: Actor,
    refund_n: int | None = None,
) -> int:
    """Write that something is going to be asked; gives the attempt's number. The caller commits before the call."""
    return int(
        db.session.execute(
            sa.insert(_attempt)
            .values(
                merchant_id=current_merchant_id(),
                order_id=order_id,
                payment_n=payment_n,
                refund_n=refund_n,
                account_id=account_id,
                action=action,
                key=key,
                amount=amount,
                actor_kind=by.kind,
                actor_id=by.id,
            )
            .returning(_attempt.c.n)
        ).scalar_one()
    )


def change_attempt(order_id: int, n: int, **values: Any) -> bool:
    """Write columns of an attempt that has no end yet; gives whether it had none."""
    changed = db.session.execute(
        sa.update(_attempt)
        .where(of_order(_attempt, order_id), _attempt.c.n == n, _attempt.c.state.in_(OPEN))
        .values(**values)
        .returning(_attempt.c.n)
    ).first()
    return changed is not None


def note_call(order_id: int, n: int, *, before: dt.datetime | None, now: dt.datetime) -> bool:
    """Write that an attempt is called now; gives whether nobody did since *before* was read."""
    noted = db.session.execute(
        sa.update(_attempt)
        .where(
            of_order(_attempt, order_id), _attempt.c.n == n, _attempt.c.state.in_(OPEN),
            _attempt.c.called_at.is_not_distinct_from(before),
        )
        .values(called_at=now)
        .returning(_attempt.c.n)
    ).first()  # fmt: skip
    return noted is not None


def refund_by_key(order_id: int, key: str) -> sa.RowMapping | None:
    """The refund of an order that was requested with a key."""
    return (
        db.session.execute(sa.select(_refund).where(of_order(_refund, order_id), _refund.c.key == key))
        .mappings()
        .one_or_none()
    )


def refunds_of(order_id: int, payment_n: int) -> Sequence[sa.RowMapping]:
    """The refunds of a payment."""
    return (
        db.session.execute(
            sa.select(_refund).where(of_order(_refund, order_id), _refund.c.payment_n == payment_n)
        )
        .mappings()
        .all()
    )


def change_refund(order_id: int, n: int, **values: Any) -> None:
    """Write columns of a refund; the order is locked by the caller."""
    db.session.execute(
        sa.update(_refund).where(of_order(_refund, order_id), _refund.c.n == n).values(**values)
    )


def use_up_link(order_id: int, payment_n: int) -> None:
    """The payment of a link came in: the link is used up, whatever state it was in."""
    db.session.execute(
        sa.update(_link)
        .where(
            of_order(_link, order_id),
            _link.c.payment_n == payment_n,
            _link.c.state != "paid",
        )
        .values(state="paid", closed_at=utc_now())
    )
