"""The returns of an order, on its page."""

from __future__ import annotations

from typing import Any

from flask import Response

from portal.accounts.access import can, requires
from portal.orders.queries import find_order, whole_order
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import Panel


def _returns_of(number: str) -> dict[str, Any]:
    found = find_order(number)
    whole = whole_order(found.order_id, found.subject_id)
    return {"returns": whole.returns, "is_shown": can("orders.edit")}


RETURNS = Panel("orders.returns", "orders/returns/_returns.html", "Returns", _returns_of)


@bp.get("/orders/<order_number:number>/returns")
@requires("orders.view", passive=True)
def returns(number: str) -> Response:
    return RETURNS.show(number)
