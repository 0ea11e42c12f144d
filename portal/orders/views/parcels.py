"""The parcels of an order on its page: what is planned, packed, ready, sent, and each parcel's next steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from flask import Response, request
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core.database import db
from portal.core.once import sent_once
from portal.orders.delivery import (
    change_delivery,
    delivery_choices,
    delivery_word,
    parsed_delivery,
    place_name,
)
from portal.orders.fulfilment import collecting, combining, correcting, parcels
from portal.orders.fulfilment.carriers import CARRIERS, tracking_link
from portal.orders.fulfilment.forms import TrackingForm
from portal.orders.fulfilment.leaving import SET_APART, open_units
from portal.orders.models import CombinedShipment
from portal.orders.queries import WholeOrder, find_order, whole_order
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import Panel, act
from portal.stock.models import Location

FEW = 6
# What the next step is called, and the way that is chosen already on its page.
NEXT = {"ship": "Send parcel", "collect": "Make ready to collect", "hand_over": "Hand over"}
WAY = {"ship": "send", "collect": "collect", "hand_over": "hand_over"}


def _parcels_of(number: str) -> dict[str, Any]:
    found = find_order(number)
    whole = whole_order(found.order_id, found.subject_id)
    inside, places = _in_parcel(whole), _place_names([parcel["location_id"] for parcel in whole.parcels])
    apart = _apart(whole)
    left = sum(open_units(line) for line in whole.lines)
    return {
        "order": whole.head, "is_shown": can("orders.edit"), "left": left, "carriers": list(CARRIERS), "acted": None, "typed": {},
        "unplanned": left - sum(apart.values()), "set_apart": SET_APART, "tracking_form": None,
        "parcels": [
            dict(parcel) | {
                "inside": inside.get(parcel["n"], ""), "place": places.get(parcel["location_id"]),
                "link": tracking_link(parcel["carrier"], parcel["tracking_number"], parcel["tracking_url"]),
            }
            for parcel in whole.parcels
        ],
        "delivery_place": place_name(whole.head["delivery_location_id"]),
        "delivery": delivery_word(whole.head["delivery"], whole.head["delivery_location_id"]),
        "deliveries": delivery_choices() if left and not apart else [],
        "companions": combining.orders_to_combine_with(found.order_id) if left and can("orders.edit") else [],
    }  # fmt: skip


PARCELS = Panel("orders.order_parcels", "orders/parcels/_parcels.html", "Parcels", _parcels_of)


def may_send(whole: WholeOrder) -> bool:
    """Whether something of the order can leave now."""
    return whole.head["state"] == "open" and any(open_units(line) > 0 for line in whole.lines)


@bp.get("/orders/<order_number:number>/parcels")
@requires("orders.view", passive=True)
def order_parcels(number: str) -> Response:
    return PARCELS.show(number)


@bp.post("/orders/<order_number:number>/delivery")
@requires("orders.edit")
def choose_delivery(number: str) -> ResponseReturnValue:
    """Send it, or let the buyer fetch it somewhere."""
    way, place = parsed_delivery(request.form.get("delivery", ""))
    return _step(number, "It is noted how the order gets there.",
                 lambda order_id: change_delivery(order_id, way, place, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/packing")
@requires("orders.edit")
@sent_once
def pack_parcel(number: str, parcel: int) -> ResponseReturnValue:
    return _step(number, "The parcel is packed.",
                 lambda order_id: parcels.pack_parcel(order_id, parcel, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/dispatch")
@requires("orders.edit")
@sent_once
def send_parcel(number: str, parcel: int) -> ResponseReturnValue:
    form = TrackingForm()
    return _step(
        number, "The parcel is on its way.",
        lambda order_id: parcels.send_parcel(order_id, parcel, **_tracking(form), by=current_actor()), form,
    )  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/removal")
@requires("orders.edit")
@sent_once
def undo_parcel(number: str, parcel: int) -> ResponseReturnValue:
    return _step(number, "The parcel is undone. Its units stay promised to the order.",
                 lambda order_id: parcels.undo_parcel(order_id, parcel, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/label")
@requires("orders.edit")
@sent_once
def label_made(number: str, parcel: int) -> ResponseReturnValue:
    return _step(number, "The label is noted as printed.",
                 lambda order_id: correcting.label_made(order_id, parcel, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/tracking")
@requires("orders.edit")
def correct_tracking(number: str, parcel: int) -> ResponseReturnValue:
    form = TrackingForm()
    return _step(
        number, "The tracking number is corrected.",
        lambda order_id: parcels.correct_tracking(order_id, parcel, **_tracking(form), by=current_actor()), form,
    )  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/delivery")
@requires("orders.edit")
@sent_once
def mark_delivered(number: str, parcel: int) -> ResponseReturnValue:
    return _step(number, "The parcel is delivered.",
                 lambda order_id: parcels.mark_delivered(order_id, parcel, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/readiness")
@requires("orders.edit")
@sent_once
def make_ready(number: str, parcel: int) -> ResponseReturnValue:
    return _step(number, "It is ready to collect. The buyer gets the code.",
                 lambda order_id: collecting.make_ready(order_id, parcel, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/collection")
@requires("orders.edit")
@sent_once
def hand_out(number: str, parcel: int) -> ResponseReturnValue:
    code = request.form.get("code", "")
    return _step(number, "Collected. The units have left.",
                 lambda order_id: collecting.hand_out(order_id, parcel, code, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/extension")
@requires("orders.edit")
@sent_once
def give_more_time(number: str, parcel: int) -> ResponseReturnValue:
    return _step(number, "It is kept for three more days.",
                 lambda order_id: collecting.give_more_time(order_id, parcel, 3, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/giving-up")
@requires("orders.edit")
@sent_once
def give_up(number: str, parcel: int) -> ResponseReturnValue:
    return _step(number, "The units are for sale again. Giving the money back waits for you below.",
                 lambda order_id: collecting.give_up(order_id, parcel, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/combination")
@requires("orders.edit")
@sent_once
def combine(number: str) -> ResponseReturnValue:
    """Let this order and the ticked ones travel together."""
    others = [
        int(text)
        for text in request.form.getlist("order")
        if text.isascii() and text.isdigit() and len(text) < 20
    ]

    def together(order_id: int) -> None:
        known = {each["order_id"] for each in combining.orders_to_combine_with(order_id)}
        combining.combine([order_id, *(each for each in others if each in known)], by=current_actor())

    return act(number, "The orders travel together.", together, panel=PARCELS)


@bp.post("/orders/<order_number:number>/combination/<int:shipment_id>/removal")
@requires("orders.edit")
def undo_combination(number: str, shipment_id: int) -> ResponseReturnValue:
    return act(number, "The orders travel alone again.", panel=PARCELS,
               work=lambda _: combining.undo_combination(_own(shipment_id), by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/combination/<int:shipment_id>/dispatch")
@requires("orders.edit")
@sent_once
def dispatch_combination(number: str, shipment_id: int) -> ResponseReturnValue:
    form = TrackingForm()
    return _step(
        number, "The shipment is on its way.",
        lambda _: combining.dispatch_combination(_own(shipment_id), **_tracking(form), by=current_actor()), form,
    )  # fmt: skip


def _step(
    number: str, done: str, work: Callable[[int], Any], form: TrackingForm | None = None
) -> ResponseReturnValue:  # fmt: skip
    return act(number, done, work, form=form, form_name="tracking_form", panel=PARCELS)


def _own(shipment_id: int) -> int:
    return (
        shipment_id
        if db.session.scalar(sa.select(CombinedShipment.id).where(CombinedShipment.id == shipment_id))
        else 0
    )


def _tracking(form: TrackingForm) -> dict[str, Any]:
    return {
        "carrier": form.carrier.data,
        "tracking_number": form.tracking_number.data,
        "tracking_url": form.tracking_url.data,
    }


def _apart(whole: WholeOrder) -> dict[int, int]:
    waiting = {parcel["n"] for parcel in whole.parcels if parcel["state"] in SET_APART}
    units: dict[int, int] = {}
    for row in whole.parcel_lines:
        if row["fulfilment_n"] in waiting:
            units[row["line_n"]] = units.get(row["line_n"], 0) + row["quantity"]
    return units


def _place_names(ids: list[int | None]) -> Mapping[int | None, str]:
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    rows = db.session.execute(sa.select(Location.id, Location.name).where(Location.id.in_(wanted)))
    return {row.id: row.name for row in rows}


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
