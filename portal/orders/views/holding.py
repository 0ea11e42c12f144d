"""Keep an order back, let it go on, cancel what has not left."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.orders import services
from portal.orders.forms import HoldForm
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import act


@bp.post("/orders/<order_number:number>/hold")
@requires("orders.edit")
def hold_order(number: str) -> ResponseReturnValue:
    form = HoldForm()
    return act(number, "The order is on hold.", form=form, form_name="hold_form",
               work=lambda order_id: services.hold_order(order_id, form.reason.data or "", by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/hold/remove")
@requires("orders.edit")
def release_order(number: str) -> ResponseReturnValue:
    short: list[str] = []
    return act(number, lambda: _still_short(short) if short else "The order goes on.",
               lambda order_id: short.extend(services.release_order(order_id, by=current_actor())))  # fmt: skip


@bp.post("/orders/<order_number:number>/cancellation")
@requires("orders.edit")
def cancel_order(number: str) -> ResponseReturnValue:
    return act(number, "The order is cancelled. Its units are for sale again.",
               lambda order_id: services.cancel_order(order_id, by=current_actor()), seen=True)  # fmt: skip


def _still_short(skus: list[str]) -> str:
    return f"The order still waits: there is not enough stock of {', '.join(skus[:5])}."
