"""The list of orders and the page of one. An opened order is a case: who serves customers sees the person, on record."""

from __future__ import annotations

from flask import Response
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core import reveal
from portal.core.errors import DomainError
from portal.core.listing import show_list
from portal.orders.forms import RevealForm
from portal.orders.listings import ORDERS
from portal.orders.queries import find_order
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import CATEGORIES, show_order


@bp.get("/orders")
@requires("orders.view")
def orders() -> ResponseReturnValue:
    return show_list(ORDERS, "orders/orders.html")


@bp.get("/orders/<order_number:number>")
@requires("orders.view")
def order(number: str) -> Response:
    found = find_order(number)
    is_shown = can("orders.edit")
    if is_shown and found.subject_id:
        reveal.log_view(
            current_actor(), [found.subject_id], case=("order", found.order_id), fields=tuple(CATEGORIES)
        )
    return show_order(number, is_shown=is_shown)


@bp.post("/orders/<order_number:number>/reveal")
@requires("orders.view", "customers.reveal")
def reveal_buyer(number: str) -> Response:
    found, form = find_order(number), RevealForm()
    try:
        if not found.subject_id:
            raise DomainError("No person stands behind this order any more, so nobody can be shown.")
        reveal.reveal(
            current_actor(), found.subject_id, reason=form.reason.data or "", fields=tuple(CATEGORIES)
        )
    except DomainError as error:
        form.reason.errors = [error.message]
        return show_order(number, is_shown=False, status=422, reveal_form=form)
    return show_order(number, is_shown=True)
