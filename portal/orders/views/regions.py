"""What other pages show of orders."""

from __future__ import annotations

from flask import Response

from portal.accounts.access import requires
from portal.core.http import render
from portal.orders.queries import orders_of_customer, waiting_counts
from portal.orders.views.blueprint import bp


@bp.get("/orders/of-customer/<int:customer_id>")
@requires("orders.view", passive=True)
def customer_orders(customer_id: int) -> Response:
    """The region of a customer's page that lists their orders."""
    return render("orders/_of_customer.html", orders=orders_of_customer(customer_id), customer_id=customer_id)


@bp.get("/orders/worklist")
@requires("orders.view", passive=True)
def worklist() -> Response:
    """The region of home that counts the orders waiting for someone."""
    return render("orders/_worklist.html", counts=waiting_counts())
