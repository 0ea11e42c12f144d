"""What is done to the payments of an order, from its page."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import see_other, toast
from portal.core.once import sent_once
from portal.orders.gateways.base import GatewayError
from portal.orders.payments import links, services
from portal.orders.payments.forms import AmountForm, KeyForm
from portal.orders.payments.looking import look_at_payment
from portal.orders.payments.views.blueprint import bp
from portal.orders.queries import find_order
from portal.orders.views.frame import act, order_url
from portal.orders.views.payments import PAYMENTS

ASKED = "The gateway is being asked. The order shows the end in a moment."


@bp.post("/orders/<order_number:number>/payments/<int(max=2147483647):payment>/capture")
@requires("orders.edit")
def capture(number: str, payment: int) -> ResponseReturnValue:
    form = AmountForm()
    return act(
        number, ASKED,
        lambda order_id: services.capture(order_id, payment, form.amount.data, key=form.key.data or "", by=current_actor()),
        form=form, form_name="act_form", panel=PAYMENTS,
    )  # fmt: skip


@bp.post("/orders/<order_number:number>/payments/<int(max=2147483647):payment>/void")
@requires("orders.edit")
def void(number: str, payment: int) -> ResponseReturnValue:
    form = KeyForm()
    return act(
        number, ASKED, lambda order_id: services.void(order_id, payment, key=form.key.data or "", by=current_actor()),
        form=form, form_name="act_form", panel=PAYMENTS,
    )  # fmt: skip


@bp.post("/orders/<order_number:number>/payments/<int(max=2147483647):payment>/look")
@requires("orders.edit")
def look(number: str, payment: int) -> ResponseReturnValue:
    """Ask the gateway now how a payment stands."""
    found = find_order(number)
    try:
        moved = look_at_payment(found.order_id, payment, by=current_actor(), commit=db.session.commit)
    except GatewayError as error:
        db.session.rollback()
        toast(error.message, "warning")
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "warning")
        return see_other(order_url(number))
    else:
        if moved is None:
            toast("The gateway does not know this payment yet.", "warning")
        else:
            toast("Brought up to date." if moved.is_changed else "The gateway says the same as we do.")
    return see_other(order_url(number))


@bp.post("/orders/<order_number:number>/refunds/<int(max=2147483647):refund>/again")
@requires("orders.refund")
def refund_again(number: str, refund: int) -> ResponseReturnValue:
    """A refund that failed is asked for once more."""
    form = KeyForm()

    def again(order_id: int) -> None:
        services.retry_refund(order_id, refund, key=form.key.data or "", by=current_actor())

    return act(number, ASKED, again, form=form, form_name="act_form", panel=PAYMENTS)


@bp.post("/orders/<order_number:number>/links")
@requires("orders.edit")
@sent_once
def make_link(number: str) -> ResponseReturnValue:
    form = AmountForm()

    def make(order_id: int) -> None:
        links.create_link(order_id, form.amount.data, by=current_actor())

    return act(
        number, "The payment link is made. Copy it from the order.", make, form=form, form_name="link_form", panel=PAYMENTS
    )  # fmt: skip


@bp.post("/orders/<order_number:number>/links/<int:link_id>/withdraw")
@requires("orders.edit")
def withdraw_link(number: str, link_id: int) -> ResponseReturnValue:
    return act(
        number, "Nobody can pay on this link any more.",
        lambda order_id: links.withdraw_link(order_id, link_id, by=current_actor()), panel=PAYMENTS,
    )  # fmt: skip
