"""Make a parcel: choose the place, the units, and what happens with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, toast
from portal.core.once import made_at, sent_once
from portal.orders.fulfilment import collecting, parcels
from portal.orders.fulfilment.carriers import CARRIERS
from portal.orders.fulfilment.forms import NewParcelForm
from portal.orders.fulfilment.placing import SendingPlace, bring_to, sending_places
from portal.orders.guards import require_unchanged
from portal.orders.queries import find_order, whole_order
from portal.orders.views.blueprint import bp, units_by_line, version_seen
from portal.orders.views.frame import order_url
from portal.orders.views.parcels import NEXT, WAY

DONE = {
    "send": "The parcel is on its way.",
    "plan": "The parcel is set apart.",
    "collect": "It is ready to collect. The buyer gets the code.",
    "hand_over": "Handed over. The units have left.",
}


@bp.get("/orders/<order_number:number>/parcels/new")
@requires("orders.edit")
def new_parcel(number: str) -> Response:
    return _page(number, NewParcelForm(formdata=None, data={"way": WAY[_head(number)["delivery"]]}))


@bp.post("/orders/<order_number:number>/parcels")
@requires("orders.edit")
@sent_once
def ship_lines(number: str) -> ResponseReturnValue:
    form, found = NewParcelForm(), find_order(number)
    if not form.validate():
        return _page(number, form, status=422)
    try:
        require_unchanged(found.order_id, version_seen())
        _make(found.order_id, form)
    except DomainError as error:
        db.session.rollback()
        if error.field in form:
            form[error.field].errors = [error.message]
            return _page(number, form, status=error.status)
        return _page(number, form, status=error.status, problem=error.message)
    toast(DONE.get(form.way.data or "", DONE["send"]))
    return made_at(order_url(number))


def _make(order_id: int, form: NewParcelForm) -> None:
    units, place, by = units_by_line(), _place_id(), current_actor()
    if place is not None:
        promised = {
            line.n: line for each in sending_places(order_id) if each.id == place for line in each.lines
        }
        bring_to(
            order_id, {n: wanted for n, wanted in units.items() if n in promised and wanted > promised[n].promised}, place, by=by
        )  # fmt: skip
    if form.way.data == "plan":
        parcels.plan_parcel(order_id, units, location_id=place, by=by)
    elif form.way.data == "collect":
        collecting.set_ready(order_id, units, location_id=place, by=by)
    elif form.way.data == "hand_over":
        collecting.hand_over(order_id, units, location_id=place, by=by)
    else:
        parcels.ship_lines(
            order_id, units, carrier=form.carrier.data, tracking_number=form.tracking_number.data,
            tracking_url=form.tracking_url.data, location_id=place, by=by,
        )  # fmt: skip


def _page(number: str, form: NewParcelForm, *, status: int = 200, problem: str | None = None) -> Response:
    head = _head(number)
    places = sending_places(head["id"])
    return render(
        "orders/parcels/new_parcel.html", order=head, places=places, place=_chosen(places, head["delivery_location_id"]), title=NEXT[head["delivery"]], form=form, typed=request.form,
        problem=problem, carriers=list(CARRIERS), status=status,
        here=url_for("orders.ship_lines", number=number, list=request.args.get("list")), back=order_url(number),
    )  # fmt: skip


def _head(number: str) -> Any:
    found = find_order(number)
    return whole_order(found.order_id, found.subject_id).head


def _chosen(places: Sequence[SendingPlace], fetched_at: int | None) -> SendingPlace | None:
    wanted = _place_id() or fetched_at
    return next((place for place in places if place.id == wanted), places[0] if places else None)


def _place_id() -> int | None:
    text = request.form.get("place") or request.args.get("place") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
