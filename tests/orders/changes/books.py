"""What the order book says of an order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from portal.core.database import db
from portal.orders.models import Order
from portal.orders.placement import PlacedOrder

Sent = Callable[..., PlacedOrder]


def money_of(merchant_id: int, order_id: int) -> dict[str, Decimal]:
    """What the order costs, what came in, went back and is owed."""
    db.session.expire_all()
    order = db.session.get_one(Order, (merchant_id, order_id))
    assert order.captured_total - order.refunded_total == order.due_total + order.credit_total
    return {
        "due": order.due_total, "captured": order.captured_total, "refunded": order.refunded_total, "credit": order.credit_total
    }  # fmt: skip
