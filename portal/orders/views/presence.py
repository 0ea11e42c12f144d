"""Who else is in an order, whether it changed meanwhile, and who looks after it."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.errors import DomainError
from portal.core.http import render_region
from portal.orders.assigning import assign_order
from portal.orders.queries import find_order, version_of
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import act, others_in


@bp.get("/orders/<order_number:number>/presence")
@requires("orders.view", passive=True)
def order_presence(number: str) -> Response:
    """The line that says who else is here; it refreshes itself."""
    found = find_order(number)
    version = request.args.get("version", type=int) or 0
    return render_region(
        "orders/_presence.html", title=f"Order {number}", number=number, version=version, others=others_in(found.order_id),
        is_changed=version_of(found.order_id) != version,
    )  # fmt: skip


@bp.post("/orders/<order_number:number>/assignment")
@requires("orders.edit")
def assign(number: str) -> ResponseReturnValue:
    text = request.form.get("user_id", "")

    def give(order_id: int) -> None:
        if text and not (text.isascii() and text.isdigit() and len(text) < 19):
            raise DomainError("Choose a person.", field="user_id")
        assign_order(order_id, int(text) if text else None, by=current_actor())

    return act(number, "The order is assigned." if text else "Nobody looks after the order now.", give)
