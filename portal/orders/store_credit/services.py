"""Give and take store credit. A balance is one row, changed in the statement that checks it, and never below zero."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.formats import money
from portal.core.money import minor_units
from portal.customers.models import Customer
from portal.orders.book import insert_row, lock_order, next_n, tell
from portal.orders.changes import limits
from portal.orders.changes.rules import own_currency
from portal.orders.models import OrderPayment, StoreCredit, StoreCreditEntry
from portal.orders.payments.balance import move_money

METHOD: Final = "store_credit"
REASONS: Final = {
    "goodwill": "Goodwill",
    "gift": "A gift",
    "moved": "Brought over from another system",
    "mistake": "Correction of a mistake",
}

_account: Final = StoreCredit.__table__
_entry: Final = StoreCreditEntry.__table__
_payment: Final = OrderPayment.__table__


def give(
    customer_id: int, amount: Decimal, currency: str, *, order_id: int | None, by: Actor, kind: str = "given",
    reason: str | None = None, token: str | None = None,
) -> Decimal:  # fmt: skip
    """Put credit on a customer's account; gives the balance. The same *token* counts once.

    Raises:
        DomainError: the amount cannot be charged.
        NotFoundError: there is no such customer.
    """
    _check(amount, currency)
    _require_customer(customer_id)
    if token is not None and _counted_before(customer_id, currency, token):
        return balance_of(customer_id, currency)
    statement = postgresql.insert(_account).values(
        merchant_id=current_merchant_id(), customer_id=customer_id, currency=currency, balance=amount
    )
    balance = db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "customer_id", "currency"],
            set_={"balance": _account.c.balance + amount},
        ).returning(_account.c.balance)
    ).scalar_one()
    _write(customer_id, amount, currency, balance, kind, order_id, reason, token, by)
    return Decimal(balance)


def give_by_hand(
    customer_id: int, amount: Decimal, currency: str, *, reason: str, token: str | None, by: Actor
) -> Decimal:
    """Credit that a person gives without an order; it counts against what they may give back.

    Raises:
        OverLimitError: it is more than their role may give, or needs a second person.
        DomainError: the amount cannot be charged.
    """
    _check(amount, currency)
    _require_customer(customer_id)
    if token is None or not _counted_before(customer_id, currency, token):
        worth = limits.worth_of(amount, currency)
        if limits.needs_second_person(worth, by):
            raise limits.OverLimitError(
                "So much needs a second person's yes. Give it as goodwill on an order, to store credit: it waits for them there.",
                field="amount",
            )
        limits.spend_limit(worth, own_currency(), by)
    return give(customer_id, amount, currency, order_id=None, reason=reason, token=token, by=by)


def spend(
    customer_id: int, amount: Decimal, currency: str, *, order_id: int | None, by: Actor, kind: str = "spent",
    reason: str | None = None, token: str | None = None,
) -> Decimal:  # fmt: skip
    """Take credit off a customer's account to pay for an order; gives the balance. The caller writes the payment.

    Raises:
        DomainError: the amount cannot be charged.
        ConflictError: the account does not hold so much.
    """
    _check(amount, currency)
    if token is not None and _counted_before(customer_id, currency, token):
        return balance_of(customer_id, currency)
    balance = db.session.execute(
        sa.update(_account)
        .where(*_of(customer_id, currency), _account.c.balance >= amount)
        .values(balance=_account.c.balance - amount)
        .returning(_account.c.balance)
    ).scalar_one_or_none()
    if balance is None:
        left = money(balance_of(customer_id, currency), currency)
        raise ConflictError(f"The customer has only {left} of store credit left.", field="amount")
    _write(customer_id, -amount, currency, balance, kind, order_id, reason, token, by)
    return Decimal(balance)


def pay_with_credit(order_id: int, amount: Decimal, *, by: Actor) -> None:
    """Pay for an order that stands with its customer's store credit.

    Raises:
        DomainError: the order has no customer, or the amount cannot be charged.
        ConflictError: less is due, or less is on the account.
    """
    head = lock_order(order_id)
    if head["customer_id"] is None:
        raise DomainError("A guest has no store credit.", field="amount")
    if head["state"] == "cancelled":
        raise ConflictError("The order is cancelled; no money may be taken for it.")
    if amount > -head["credit_total"]:
        due = max(-head["credit_total"], Decimal(0))
        raise ConflictError(f"Only {money(due, head['currency'])} is due.", field="amount")
    spend(head["customer_id"], amount, head["currency"], order_id=order_id, by=by)
    insert_row(
        _payment, order_id, n=next_n(_payment, order_id), state="captured", method=METHOD, gateway=METHOD, amount=amount,
        captured_amount=amount, currency=head["currency"], at=utc_now(),
    )  # fmt: skip
    move_money(order_id, head, captured=amount)
    tell(order_id, "paid", by, amount=str(amount), currency=head["currency"], method=METHOD)


def balance_of(customer_id: int, currency: str) -> Decimal:
    """What the customer has left in a currency."""
    found = db.session.execute(
        sa.select(_account.c.balance).where(*_of(customer_id, currency))
    ).scalar_one_or_none()
    return Decimal(found or 0)


def balances(customer_id: int) -> Sequence[sa.RowMapping]:
    """Every currency the customer has an account in."""
    return db.session.execute(
        sa.select(_account.c.currency, _account.c.balance)
        .where(_account.c.merchant_id == current_merchant_id(), _account.c.customer_id == customer_id)
        .order_by(_account.c.currency)
    ).mappings().all()  # fmt: skip


def entries(customer_id: int, most: int = 50) -> Sequence[sa.RowMapping]:
    """The newest entries of the customer's accounts."""
    return db.session.execute(
        sa.select(_entry).where(_entry.c.merchant_id == current_merchant_id(), _entry.c.customer_id == customer_id)
        .order_by(_entry.c.id.desc()).limit(most)
    ).mappings().all()  # fmt: skip


def _write(
    customer_id: int, amount: Decimal, currency: str, balance: Decimal, kind: str, order_id: int | None,
    reason: str | None, token: str | None, by: Actor,
) -> None:  # fmt: skip
    db.session.execute(
        sa.insert(_entry).values(
            merchant_id=current_merchant_id(), customer_id=customer_id, currency=currency, amount=amount,
            balance_after=balance, kind=kind, order_id=order_id, reason=reason, token=token, actor_kind=by.kind,
            actor_id=by.id, at=utc_now(),
        )
    )  # fmt: skip
    announce(
        f"store_credit.{kind}",
        by=by,
        subject=("customer", customer_id),
        after={"amount": str(amount), "currency": currency, "balance": str(balance)},
        reason=reason,
        event="store_credit.changed",
        key=f"customer:{customer_id}",
        payload={"customer_id": customer_id},
    )


def _check(amount: Decimal, currency: str) -> None:
    decimals = minor_units(currency)
    if not amount.is_finite() or amount <= 0:
        raise DomainError("Enter an amount above zero.", field="amount")
    if amount != round(amount, decimals):
        raise DomainError(f"{currency} is paid with {decimals or 'no'} decimals.", field="amount")


def _require_customer(customer_id: int) -> None:
    if db.session.get(Customer, (current_merchant_id(), customer_id)) is None:
        raise NotFoundError("There is no such customer.")


def _counted_before(customer_id: int, currency: str, token: str) -> bool:
    """Whether a form with this token did its work already; the account is held first, so two clicks at once queue here."""
    empty = postgresql.insert(_account).values(
        merchant_id=current_merchant_id(), customer_id=customer_id, currency=currency, balance=0
    )
    db.session.execute(empty.on_conflict_do_nothing())
    db.session.execute(sa.select(_account.c.balance).where(*_of(customer_id, currency)).with_for_update())
    found = sa.select(_entry.c.id).where(
        _entry.c.merchant_id == current_merchant_id(), _entry.c.token == token
    )
    return db.session.execute(found).first() is not None


def _of(customer_id: int, currency: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _account.c.merchant_id == current_merchant_id(),
        _account.c.customer_id == customer_id,
        _account.c.currency == currency,
    )
