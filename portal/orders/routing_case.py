"""An order as the simulator of routing rules tries it: what is left to send, its own units counted as free."""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.orders.allocation import allocations_of
from portal.orders.book import lines_of, of_order
from portal.orders.models import Order, OrderRef, OrderTag
from portal.stock.routing.planning import Case, Want
from portal.stock.routing.trying import Tried, wants_of

_order, _ref, _tag = Order.__table__, OrderRef.__table__, OrderTag.__table__


def tried_order(number: str) -> Tried | None:
    """The order with that number, or None."""
    head = (
        db.session.execute(
            sa.select(
                _order.c.id,
                _order.c.country_code,
                _order.c.channel_id,
                _order.c.base_total,
                _order.c.delivery_location_id,
            ).where(
                _order.c.merchant_id == current_merchant_id(),
                _order.c.id
                == sa.select(_ref.c.order_id)
                .where(_ref.c.merchant_id == current_merchant_id(), _ref.c.number == number)
                .scalar_subquery(),
            )
        )
        .mappings()
        .one_or_none()
    )
    if head is None:
        return None
    own: dict[int, dict[int, int]] = defaultdict(dict)
    for each in allocations_of(head["id"]):
        there = own[each.variant_id]
        there[each.location_id] = there.get(each.location_id, 0) + each.quantity
    tags = db.session.scalars(sa.select(_tag.c.tag).where(of_order(_tag, head["id"])))
    return Tried(
        _wants(head["id"]),
        Case(
            head["country_code"],
            head["channel_id"],
            frozenset(tags),
            head["base_total"],
            head["delivery_location_id"],
        ),
        own,
    )


def _wants(order_id: int) -> list[Want]:
    return wants_of(
        [
            (line["variant_id"], line["sku"], left)
            for line in lines_of(order_id)
            if line["is_counted"]
            and (left := line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"]) > 0
        ]
    )
