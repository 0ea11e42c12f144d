"""The parcels of an order: what left in which, and sending the next."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.orders import services
from portal.orders.forms import ShipForm
from portal.orders.queries import WholeOrder, find_order, whole_order
from portal.orders.views.blueprint import bp, units_by_line, version_seen
from portal.orders.views.frame import Panel, act, left_of, order_url

FEW = 6


def _parcels_of(number: str) -> dict[str, Any]:
    found = find_order(number)
    whole = whole_order(found.order_id, found.subject_id)
    return {
        "order": whole.head, "parcels": whole.parcels, "in_parcel": _in_parcel(whole), "is_shown": can("orders.edit"),
        "left": sum(left_of(line) for line in whole.lines),
    }  # fmt: skip


PARCELS = Panel("orders.parcels", "orders/parcels/_parcels.html", "Parcels", _parcels_of)


def may_send(whole: WholeOrder) -> bool:
    """Whether something of the order can leave now."""
    return whole.head["state"] == "open" and any(left_of(line) > 0 for line in whole.lines)


@bp.get("/orders/<order_number:number>/parcels")
@requires("orders.view", passive=True)
def parcels(number: str) -> Response:
    return PARCELS.show(number)


@bp.get("/orders/<order_number:number>/parcels/new")
@requires("orders.edit")
def new_parcel(number: str) -> Response:
    return _new_parcel(number, ShipForm(formdata=None))


@bp.post("/orders/<order_number:number>/parcels")
@requires("orders.edit")
def ship_lines(number: str) -> ResponseReturnValue:
    form, found = ShipForm(), find_order(number)
    if not form.validate():
        return _new_parcel(number, form, status=422)
    try:
        services.require_unchanged(found.order_id, version_seen())
        services.ship_lines(
            found.order_id,
            units_by_line(),
            carrier=form.carrier.data,
            tracking_number=form.tracking_number.data,
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        return _new_parcel(number, form, status=error.status, problem=error.message)
    db.session.commit()
    toast("The parcel is on its way.")
    return see_other(order_url(number))


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/delivery")
@requires("orders.edit")
def mark_delivered(number: str, parcel: int) -> ResponseReturnValue:
    return act(number, "The parcel is delivered.",
               lambda order_id: services.mark_delivered(order_id, parcel, by=current_actor()))  # fmt: skip


def _new_parcel(number: str, form: ShipForm, *, status: int = 200, problem: str | None = None) -> Response:
    found = find_order(number)
    whole = whole_order(found.order_id, found.subject_id)
    lines = [dict(line) | {"left": left_of(line)} for line in whole.lines if left_of(line)]
    return render(
        "orders/parcels/new_parcel.html", order=whole.head, lines=lines, ship_form=form, typed=request.form, problem=problem,
        here=url_for("orders.ship_lines", number=number, list=request.args.get("list")), back=order_url(number), status=status,
    )  # fmt: skip


def _in_parcel(whole: WholeOrder) -> dict[int, str]:
    titles = {line["n"]: line["sku"] for line in whole.lines}
    words: dict[int, list[str]] = {}
    for row in whole.parcel_lines:
        words.setdefault(row["fulfilment_n"], []).append(
            f"{row['quantity']} × {titles.get(row['line_n'], '?')}"
        )
    return {
        parcel: ", ".join(lines[:FEW]) + (f" and {len(lines) - FEW} more" if len(lines) > FEW else "")
        for parcel, lines in words.items()
    }
