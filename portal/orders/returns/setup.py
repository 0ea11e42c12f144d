"""What the returns desk adds to the portal at start."""

from __future__ import annotations

from flask import Flask

from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.orders.acts import register_order_act
from portal.orders.queries import WholeOrder
from portal.orders.returns.views import bp


def set_up(app: Flask) -> None:
    """The queues, the panel of an order, and the act that begins a return."""
    register_order_act(
        "returns.new_return", "Return or exchange", "truck-return", "orders.edit", 41, when=_may_return
    )
    register_slot("order.panels", "returns.order_returns", "orders.view", 40, label="Returns")
    register_slot("home.tiles", "returns.worklist", "orders.view", 12, label="Returns that wait")
    register_nav("Orders", "Returns", "returns.desk", "truck-return", "orders.view", order=24)
    app.register_blueprint(bp)


def _may_return(whole: WholeOrder) -> bool:
    return any(line["fulfilled_quantity"] > line["returned_quantity"] for line in whole.lines)
