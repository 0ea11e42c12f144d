"""Whom a letter about an order goes to, in which language, and what it may say about the order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from portal.accounts.models import Merchant
from portal.core import formats
from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.customers.models import Customer
from portal.orders.models import Order, OrderContact, OrderLine, OrderRef

# The contact that a letter goes to, the best first.
BEST: Final = ("buyer", "shipping", "billing")
MOST_LINES: Final = 100

_order, _ref, _customer = Order.__table__, OrderRef.__table__, Customer.__table__
_contact, _line = OrderContact.__table__, OrderLine.__table__


@dataclass(frozen=True, slots=True)
class Addressee:
    """The person of an order as letters need them."""

    order_id: int
    number: str
    subject_id: int | None
    name: str | None
    email: str | None
    locale: str
    shop: str
    is_from_channel: bool
    placed_at: dt.datetime
    facts: Mapping[str, Any]

    @property
    def language(self) -> str:
        """Of the letter, without its country."""
        return self.locale.replace("_", "-").partition("-")[0].lower()


def addressee_of(order_id: int) -> Addressee:
    """The buyer of the order, else who it is sent to; without an address when the order has none.

    Raises:
        NotFoundError: the order is not in the book any more.
    """
    merchant_id = current_merchant_id()
    head = db.session.execute(
        sa.select(_order, _ref.c.subject_id, _ref.c.external_id, _customer.c.locale.label("customer_locale"))
        .join(_ref, sa.and_(_ref.c.merchant_id == _order.c.merchant_id, _ref.c.order_id == _order.c.id))
        .outerjoin(
            _customer,
            sa.and_(_customer.c.merchant_id == _order.c.merchant_id, _customer.c.id == _order.c.customer_id),
        )
        .where(_order.c.merchant_id == merchant_id, _order.c.id == order_id)
    ).mappings().one_or_none()  # fmt: skip
    if head is None:
        raise NotFoundError("This order is in the archive.")
    merchant = db.session.execute(
        sa.select(Merchant.name, Merchant.locale).where(Merchant.id == merchant_id)
    ).one()
    contacts = {
        row["kind"]: row
        for row in db.session.execute(
            sa.select(_contact).where(
                _contact.c.merchant_id == merchant_id, _contact.c.order_id == order_id
            ).order_by(_contact.c.n.desc())
        ).mappings()
    }  # fmt: skip
    ranked = [contacts[kind] for kind in BEST if kind in contacts]
    locale = head["customer_locale"] or merchant.locale
    return Addressee(
        order_id, head["number"], head["subject_id"], next((each["name"] for each in ranked if each["name"]), None),
        next((each["email"] for each in ranked if each["email"]), None), locale, merchant.name, head["external_id"] is not None, head["placed_at"],
        _facts(head, merchant_id, locale),
    )  # fmt: skip


def _facts(head: Mapping[str, Any] | sa.RowMapping, merchant_id: int, locale: str) -> dict[str, Any]:
    lines = db.session.execute(
        sa.select(_line.c.n, _line.c.title, _line.c.sku, _line.c.quantity, _line.c.line_total)
        .where(_line.c.merchant_id == merchant_id, _line.c.order_id == head["id"])
        .order_by(_line.c.n).limit(MOST_LINES)
    )  # fmt: skip
    return {
        "number": head["number"],
        "total": money_words(head["total"], head["currency"], locale),
        "lines": [
            {
                "n": row.n, "title": row.title, "sku": row.sku, "quantity": row.quantity,
                "total": money_words(row.line_total, head["currency"], locale),
            }
            for row in lines
        ],
    }  # fmt: skip


def money_words(amount: Any, currency: str, locale: str) -> str:
    """An amount as the reader of the letter writes it."""
    with formats.in_region(formats.Region(str(_known(locale)))):
        return formats.money(amount, currency)


def day_words(day: dt.date, locale: str) -> str:
    """A day as the reader of the letter writes it."""
    return str(format_date(day, format="long", locale=_known(locale)))


def _known(locale: str) -> Locale:
    try:
        return Locale.parse(locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
