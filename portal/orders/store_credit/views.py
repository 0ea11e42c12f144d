"""Store credit on a customer's page and on an order's: what is left, what made it, give, take, and pay with it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import sqlalchemy as sa
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, requires
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.http import render_region, see_other, toast
from portal.core.money import UnknownCurrencyError
from portal.core.once import sent_once
from portal.customers.models import Customer
from portal.orders.changes.reading import amount_of
from portal.orders.changes.rules import own_currency
from portal.orders.models import OrderRef
from portal.orders.store_credit import services
from portal.orders.views.frame import act

bp = Blueprint("store_credit", __name__)

KIND_WORDS = {
    "given": "Given", "refunded": "Given back from an order", "spent": "Paid with", "returned": "Put back", "corrected": "Taken away",
}  # fmt: skip


@bp.get("/customers/<int:customer_id>/store-credit")
@requires("customers.view", passive=True)
def account(customer_id: int) -> Response:
    return _region(customer_id, {}, None)


@bp.post("/customers/<int:customer_id>/store-credit")
@requires("customers.view", "orders.refund")
def change_account(customer_id: int) -> ResponseReturnValue:
    """Give credit, or take away what was given by mistake. The same form counts once."""
    get_or_404(Customer, customer_id)
    typed = request.form
    try:
        amount, reason = amount_of(typed, "amount"), typed.get("reason", "")
        if amount is None:
            raise DomainError("Enter an amount.", field="amount")
        if reason not in services.REASONS:
            raise DomainError("Choose a reason.", field="reason")
        currency = typed.get("currency", "").strip().upper()
        token = typed.get("token", "")[:60] or None
        if typed.get("act") == "take":
            services.spend(
                customer_id, amount, currency, order_id=None, kind="corrected", reason=reason, token=token, by=current_actor()
            )  # fmt: skip
        else:
            services.give_by_hand(
                customer_id, amount, currency, reason=reason, token=token, by=current_actor()
            )
    except UnknownCurrencyError as error:
        db.session.rollback()
        return _region(customer_id, typed, DomainError(str(error), field="currency"))
    except DomainError as error:
        db.session.rollback()
        return _region(customer_id, typed, error)
    db.session.commit()
    toast("The store credit is changed.")
    return see_other(url_for("customers.customer", customer_id=customer_id))


@bp.post("/orders/<order_number:number>/store-credit")
@requires("orders.edit")
@sent_once
def pay(number: str) -> ResponseReturnValue:
    """Pay for an order with its customer's store credit."""

    def work(order_id: int) -> None:
        amount = amount_of(request.form, "amount")
        if amount is None:
            raise DomainError("Enter an amount.", field="amount")
        services.pay_with_credit(order_id, amount, by=current_actor())

    return act(number, "The store credit is used for this order.", work, seen=True)


def _region(customer_id: int, typed: Mapping[str, str], error: DomainError | None) -> Response:
    get_or_404(Customer, customer_id)
    rows = services.entries(customer_id)
    return render_region(
        "orders/store_credit/_account.html", title="Store credit", customer_id=customer_id, balances=services.balances(customer_id),
        entries=rows, numbers=_numbers({row["order_id"] for row in rows if row["order_id"]}), kinds=KIND_WORDS,
        reasons=services.REASONS, typed=typed, error=error, token=typed.get("token") or uuid.uuid4().hex, own=own_currency(),
        status=error.status if error else 200,
    )  # fmt: skip


def _numbers(order_ids: set[int]) -> dict[int, str]:
    table = OrderRef.__table__
    rows = db.session.execute(
        sa.select(table.c.order_id, table.c.number).where(
            table.c.merchant_id == current_merchant_id(), table.c.order_id.in_(order_ids)
        )
    )
    return {row.order_id: row.number for row in rows}
