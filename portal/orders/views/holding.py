"""Keep an order back, let it go on, cancel what has not left."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.formats import current_region
from portal.core.once import sent_once
from portal.orders import services
from portal.orders.forms import HoldForm
from portal.orders.holds import end_hold as end_one
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import act


@bp.post("/orders/<order_number:number>/hold")
@requires("orders.edit")
@sent_once
def hold_order(number: str) -> ResponseReturnValue:
    form = HoldForm()

    def hold(order_id: int) -> None:
        until = start_of(form.until.data) if form.until.data else None
        services.hold_order(
            order_id,
            form.reason.data or "",
            rule=form.rule.data or "by_hand",
            until=until,
            by=current_actor(),
        )

    return act(number, "The order is on hold.", hold, form=form, form_name="hold_form")


@bp.post("/orders/<order_number:number>/hold/remove")
@requires("orders.edit")
@sent_once
def release_order(number: str) -> ResponseReturnValue:
    short: list[str] = []
    return act(number, lambda: _still_short(short) if short else "The order goes on.",
               lambda order_id: short.extend(services.release_order(order_id, by=current_actor())))  # fmt: skip


@bp.post("/orders/<order_number:number>/holds/<int:hold_n>/end")
@requires("orders.edit")
@sent_once
def end_hold(number: str, hold_n: int) -> ResponseReturnValue:
    """End one of several holds."""
    short: list[str] = []
    return act(number, lambda: _still_short(short) if short else "This hold has ended.",
               lambda order_id: short.extend(end_one(order_id, hold_n, by=current_actor())))  # fmt: skip


@bp.post("/orders/<order_number:number>/cancellation")
@requires("orders.edit")
@sent_once
def cancel_order(number: str) -> ResponseReturnValue:
    return act(number, "The order is cancelled. Its units are for sale again.",
               lambda order_id: services.cancel_order(order_id, by=current_actor()), seen=True)  # fmt: skip


def _still_short(skus: list[str]) -> str:
    return f"The order still waits: there is not enough stock of {', '.join(skus[:5])}."


def start_of(day: dt.date) -> dt.datetime:
    """When a day begins where the merchant is."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(current_region().zone))
