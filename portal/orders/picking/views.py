"""Pick lists on a phone: make one, scan what is fetched, say what is missing, pack."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, toast
from portal.core.listing import show_list
from portal.core.once import made_at, sent_once
from portal.orders.models import PickList
from portal.orders.picking import services
from portal.orders.picking.listings import PICK_LISTS
from portal.orders.picking.queries import lines_with_orders, open_lists, places, to_pick_by_place
from portal.stock.models import Location
from portal.stock.scan_answers import ScanOutcome, accepted, scan_answer, scan_refused
from portal.stock.scanning import typed_code, typed_token, typed_units

bp = Blueprint("picking", __name__, url_prefix="/pick-lists")

USUAL_ORDERS = 20


@bp.get("/")
@requires("orders.view")
def pick_lists() -> ResponseReturnValue:
    return show_list(PICK_LISTS, "orders/picking/pick_lists.html")


@bp.get("/worklist")
@requires("orders.view", passive=True)
def worklist() -> Response:
    """The tiles of home."""
    return render(
        "orders/picking/_worklist.html", count=open_lists(), to_pick=sum(to_pick_by_place().values())
    )


@bp.get("/new")
@requires("orders.edit")
def new_pick_list() -> Response:
    return _new()


@bp.post("/")
@requires("orders.edit")
@sent_once
def make_pick_list() -> ResponseReturnValue:
    place, most = request.form.get("location_id", ""), request.form.get("most", "")
    try:
        if not _is_number(place):
            raise DomainError("Choose a location.", field="location_id")
        if not _is_number(most):
            raise DomainError("Choose 1 to 100 orders.", field="most")
        made = services.make_pick_list(
            int(place), most=int(most), with_unpaid=request.form.get("with_unpaid") == "1", by=current_actor()
        )
    except DomainError as error:
        db.session.rollback()
        return _new(error)
    list_id = made.id
    return made_at(url_for("picking.pick_list", list_id=list_id))


@bp.get("/<int:list_id>")
@requires("orders.view")
def pick_list(list_id: int) -> Response:
    return _page(list_id)


@bp.post("/<int:list_id>/scans")
@requires("orders.edit")
def scan(list_id: int) -> ResponseReturnValue:
    """Count what was scanned at once, so that a phone that dies loses nothing."""
    code = request.form.get("code", "")
    try:
        picked = services.scan(
            list_id, typed_code(code), typed_units(request.form.get("units")), token=typed_token(request.form.get("token")),
            by=current_actor(),
        )  # fmt: skip
    except DomainError as error:
        return scan_refused(
            code, error, page=lambda outcome, status: _page(list_id, outcome=outcome, status=status)
        )
    db.session.commit()
    where = f"For order {', '.join(picked.numbers)}. " if picked.numbers else ""
    left = picked.wanted - picked.picked
    words = (
        "Counted before."
        if not picked.is_new
        else f"{where}{left:,} more to fetch."
        if left
        else f"{where}All are here."
    )
    outcome = accepted(picked.found, words, picked.picked)
    return scan_answer(
        outcome,
        back_url=url_for("picking.pick_list", list_id=list_id),
        template="orders/picking/_scan_answer.html",
        variant_id=picked.found.variant_id,
        **_state(services.list_of(list_id)),
    )


@bp.post("/<int:list_id>/lines/<int(max=2147483647):line_n>/return")
@requires("orders.edit")
def put_back(list_id: int, line_n: int) -> ResponseReturnValue:
    """One unit of a line was scanned and is not there after all."""
    return _act(
        list_id,
        lambda: services.put_back(
            list_id, line_n, token=typed_token(request.form.get("token")), by=current_actor()
        ),
        "One unit is put back.",
    )


@bp.post("/<int:list_id>/lines/<int(max=2147483647):line_n>/shortage")
@requires("orders.edit")
@sent_once
def report_short(list_id: int, line_n: int) -> ResponseReturnValue:
    return _act(list_id, lambda: services.report_short(list_id, line_n, by=current_actor()),
                "Noted as missing. The order stands on the desk of shortfalls.")  # fmt: skip


@bp.post("/<int:list_id>/finish")
@requires("orders.edit")
@sent_once
def finish(list_id: int) -> ResponseReturnValue:
    stopped: list[str] = []

    def work() -> None:
        stopped.extend(services.finish(list_id, by=current_actor())[1])

    return _act(list_id, work, lambda: (
        f"Packed. Keep back what was fetched for {', '.join(stopped)}: these orders are on hold or cancelled." if stopped else "All parcels are packed."
    ))  # fmt: skip


@bp.post("/<int:list_id>/cancellation")
@requires("orders.edit")
@sent_once
def cancel_list(list_id: int) -> ResponseReturnValue:
    return _act(list_id, lambda: services.cancel_list(list_id, by=current_actor()),
                "The list is given up. Put back what was fetched.")  # fmt: skip


def _act(list_id: int, work: Callable[[], object], done: str | Callable[[], str]) -> ResponseReturnValue:
    try:
        work()
    except DomainError as error:
        db.session.rollback()
        return _page(list_id, status=error.status, problem=error.message)
    toast(done if isinstance(done, str) else done())
    return made_at(url_for("picking.pick_list", list_id=list_id))


def _new(error: DomainError | None = None) -> Response:
    return render(
        "orders/picking/new_pick_list.html", places=_places_with_work(),
        typed=request.form, error=error, usual=USUAL_ORDERS, status=error.status if error else 200,
    )  # fmt: skip


def _places_with_work() -> list[tuple[int, str]]:
    """The locations to choose from, with the orders that wait there; where most wait comes first."""
    waiting = to_pick_by_place()
    found = [(place.id, place.name, waiting.get(place.id, 0)) for place in places()]
    return [(key, f"{name} ({count:,})") for key, name, count in sorted(found, key=lambda one: -one[2])]


def _page(
    list_id: int, *, outcome: ScanOutcome | None = None, problem: str | None = None, status: int = 200
) -> Response:
    made = services.list_of(list_id)
    place = db.session.get(Location, (made.merchant_id, made.location_id))
    return render(
        "orders/picking/pick_list.html", place=place.name if place else "", outcome=outcome, scan_token=uuid.uuid4(),
        problem=problem, typed=request.form, status=status, **_state(made),
    )  # fmt: skip


def _state(made: PickList) -> dict[str, Any]:
    """What a list still wants, for its page and for the answer to a scan."""
    lines = lines_with_orders(made.id)
    waiting = [line for line in lines if line["wanted"] > line["picked"] + line["short"]]
    return {
        "made": made,
        "lines": lines,
        "next_line": waiting[0] if waiting else None,
        "left": sum(line["wanted"] - line["picked"] - line["short"] for line in waiting),
        "new_token": uuid.uuid4,
    }


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
