"""The payments of an order, and money that came in outside a gateway."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core.once import sent_once
from portal.orders import services
from portal.orders.forms import PaymentForm
from portal.orders.payments.page import payments_context
from portal.orders.queries import find_order, whole_order
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import Panel, act


def _payments_of(number: str) -> dict[str, Any]:
    found = find_order(number)
    whole = whole_order(found.order_id, found.subject_id)
    return {
        "order": whole.head, "is_shown": can("orders.edit"), "acted": None, "typed": {}, "problem": None,
        "payment_form": PaymentForm(formdata=None), "act_form": None,
        **payments_context(found.order_id, whole.head, whole.payments, whole.refunds),
    }  # fmt: skip


PAYMENTS = Panel("orders.payments", "orders/payments/_payments.html", "Payments", _payments_of)


@bp.get("/orders/<order_number:number>/payments")
@requires("orders.view", passive=True)
def payments(number: str) -> Response:
    return PAYMENTS.show(number)


@bp.post("/orders/<order_number:number>/payments")
@requires("orders.edit")
@sent_once
def take_payment(number: str) -> ResponseReturnValue:
    form = PaymentForm()

    def take(order_id: int) -> None:
        services.take_payment(
            order_id,
            form.amount.data,
            method=form.method.data,
            reference=form.reference.data,
            by=current_actor(),
        )

    return act(
        number,
        "The payment is recorded.",
        take,
        form=form,
        form_name="payment_form",
        seen=True,
        panel=PAYMENTS,
    )
