"""The desk of shortfalls, and one case with its ways out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.core.listing import show_list
from portal.core.once import made_at, sent_once
from portal.orders.fulfilment.placing import sending_places
from portal.orders.guards import require_unchanged
from portal.orders.models import OrderShortfall
from portal.orders.queries import find_order, version_of, whole_order
from portal.orders.shortfalls import ways
from portal.orders.shortfalls.listings import SHORTFALLS
from portal.orders.shortfalls.services import CAUSES, case_of
from portal.orders.views.blueprint import bp, version_seen
from portal.orders.views.frame import Panel, order_url

OPEN_ONLY = ["1.state.is.open"]


def _cases_of(number: str) -> dict[str, Any]:
    table = OrderShortfall.__table__
    rows = db.session.execute(
        sa.select(table)
        .where(table.c.merchant_id == current_merchant_id(), table.c.order_id == find_order(number).order_id)
        .order_by(table.c.n.desc()).limit(50)
    )  # fmt: skip
    return {"cases": rows.mappings().all(), "causes": CAUSES}


CASES = Panel("orders.order_shortfalls", "orders/shortfalls/_shortfalls.html", "Missing units", _cases_of)


@bp.get("/shortfalls")
@requires("orders.view")
def shortfalls() -> ResponseReturnValue:
    if not request.args:
        return see_other(url_for("orders.shortfalls", f=OPEN_ONLY))
    return show_list(SHORTFALLS, "orders/shortfalls/shortfalls.html")


@bp.get("/shortfalls/worklist")
@requires("orders.view", passive=True)
def shortfall_worklist() -> Response:
    """The tile of home."""
    table = OrderShortfall.__table__
    open_cases = (
        sa.select(table.c.n)
        .where(table.c.merchant_id == current_merchant_id(), table.c.state == "open")
        .limit(1_001)
        .subquery()
    )
    count = db.session.execute(sa.select(sa.func.count()).select_from(open_cases)).scalar_one()
    return render("orders/shortfalls/_worklist.html", count=count, filters=OPEN_ONLY)


@bp.get("/orders/<order_number:number>/shortfalls")
@requires("orders.view", passive=True)
def order_shortfalls(number: str) -> Response:
    return CASES.show(number)


@bp.get("/orders/<order_number:number>/shortfalls/<int:case_n>")
@requires("orders.view")
def shortfall(number: str, case_n: int) -> Response:
    return _page(number, case_n)


@bp.post("/orders/<order_number:number>/shortfalls/<int:case_n>/location")
@requires("orders.edit")
@sent_once
def take_from_location(number: str, case_n: int) -> ResponseReturnValue:
    text = request.form.get("location_id", "")

    def work(order_id: int) -> None:
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise DomainError("Choose a location.", field="location_id")
        ways.take_from(order_id, case_n, int(text), by=current_actor())

    return _take(number, case_n, "The units are promised from there.", work)


@bp.post("/orders/<order_number:number>/shortfalls/<int:case_n>/back-order")
@requires("orders.edit")
@sent_once
def wait_for_goods(number: str, case_n: int) -> ResponseReturnValue:
    return _take(number, case_n, "The units are on back-order. They get what comes in next.",
                 lambda order_id: ways.wait_for_goods(order_id, case_n, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/shortfalls/<int:case_n>/substitute")
@requires("orders.edit")
@sent_once
def substitute(number: str, case_n: int) -> ResponseReturnValue:
    sku = request.form.get("sku", "")
    return _take(number, case_n, "The other item takes its place.",
                 lambda order_id: ways.substitute(order_id, case_n, sku, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/shortfalls/<int:case_n>/cancellation")
@requires("orders.edit")
@sent_once
def cancel_missing(number: str, case_n: int) -> ResponseReturnValue:
    """Propose the cancellation, and go to where it is looked at and confirmed."""
    found = find_order(number)
    try:
        require_unchanged(found.order_id, version_seen())
        n = ways.propose_cancellation(found.order_id, case_n, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _page(number, case_n, status=error.status, problem=error.message)
    return made_at(url_for("changes.change", number=number, n=n))


def _take(number: str, case_n: int, done: str, work: Callable[[int], None]) -> ResponseReturnValue:
    found = find_order(number)
    try:
        require_unchanged(found.order_id, version_seen())
        work(found.order_id)
    except DomainError as error:
        db.session.rollback()
        return _page(number, case_n, status=error.status, problem=error.message, field=error.field)
    toast(done)
    return made_at(order_url(number))


def _page(
    number: str, case_n: int, *, status: int = 200, problem: str | None = None, field: str | None = None
) -> Response:
    found = find_order(number)
    case = case_of(found.order_id, case_n)
    whole = whole_order(found.order_id, found.subject_id)
    line = next(each for each in whole.lines if each["n"] == case["line_n"])
    free = [
        (place, here.free)
        for place in sending_places(found.order_id)
        for here in place.lines
        if here.n == line["n"] and here.free > 0 and place.id is not None
    ]
    return render(
        "orders/shortfalls/shortfall.html", number=number, case=case, line=line, order=whole.head, free=free, causes=CAUSES,
        version=version_of(found.order_id), problem=problem, field=field, typed=request.form, status=status,
    )  # fmt: skip
