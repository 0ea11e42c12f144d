"""Where the units of an order lie, on its page; and looking for those that are missing."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.orders.allocation import SHORT, Shortage, allocate_order, allocations_of
from portal.orders.queries import find_order, whole_order
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import Panel, act
from portal.stock.papers import names_of


def _allocation_of(number: str) -> dict[str, Any]:
    found = find_order(number)
    whole = whole_order(found.order_id, found.subject_id)
    places: dict[int, list[Any]] = defaultdict(list)
    rows = allocations_of(found.order_id)
    for row in rows:
        places[row.line_n].append(row)
    is_live = whole.head["state"] in ("open", "on_hold")
    lines = [
        dict(line) | {"open": _open_units(line)}
        for line in whole.lines
        if is_live and line["promise_state"] != "none" and (places[line["n"]] or _open_units(line) > 0)
    ]
    return {
        "order": whole.head,
        "lines": lines,
        "places": places,
        "names": names_of(row.variant_id for row in rows),
        "may_allocate": can("orders.edit") and any(line["open"] > 0 for line in lines),
    }


ALLOCATION = Panel(
    "orders.order_allocation", "orders/allocation/_allocation.html", "Allocation", _allocation_of
)


@bp.get("/orders/<order_number:number>/allocation")
@requires("orders.view", passive=True)
def order_allocation(number: str) -> Response:
    return ALLOCATION.show(number)


@bp.post("/orders/<order_number:number>/allocation")
@requires("orders.edit")
def allocate(number: str) -> ResponseReturnValue:
    """Look once more for units of the order that nothing is promised for."""
    left: list[Shortage] = []

    def work(order_id: int) -> None:
        left[:] = allocate_order(order_id, by=current_actor())

    return act(number, lambda: _words(left), work, panel=ALLOCATION)


def _words(left: list[Shortage]) -> str:
    if not left:
        return "Every unit of the order is promised."
    short = sorted({each.sku for each in left if each.state == SHORT})
    waiting = sorted({each.sku for each in left if each.state != SHORT})
    return " ".join(
        f"{what}: {', '.join(skus)}."
        for what, skus in (("Still short", short), ("Waiting for goods", waiting))
        if skus
    )


def _open_units(line: Any) -> int:
    return int(
        line["quantity"]
        - line["cancelled_quantity"]
        - line["fulfilled_quantity"]
        - line["allocated_quantity"]
    )
