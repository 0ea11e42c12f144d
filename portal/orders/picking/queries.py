"""Read a pick list, and what waits to be picked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.orders.fulfilment.leaving import SET_APART
from portal.orders.models import (
    Order,
    OrderAllocation,
    OrderFulfilment,
    OrderFulfilmentLine,
    OrderRef,
    PickLine,
    PickList,
)
from portal.stock.models import Location

CAP: Final = 1_000
# Enough lines for the thousand orders that a figure of home counts to; no line is sorted for it.
MOST_LINES: Final = 5_000
PAID: Final = ("paid", "authorised", "part_refunded")

_line, _ref, _list = PickLine.__table__, OrderRef.__table__, PickList.__table__
_order, _allocation = Order.__table__, OrderAllocation.__table__


def lines_with_orders(list_id: int) -> Sequence[sa.RowMapping]:
    """The lines of a list in the order of the walk, with the numbers of their orders."""
    return db.session.execute(
        sa.select(_line, _ref.c.number)
        .join(_ref, sa.and_(_ref.c.merchant_id == _line.c.merchant_id, _ref.c.order_id == _line.c.order_id))
        .where(_line.c.merchant_id == current_merchant_id(), _line.c.pick_list_id == list_id)
        .order_by(_line.c.n)
    ).mappings().all()  # fmt: skip


def places() -> Sequence[sa.Row[Any, Any]]:
    """The locations a list can be made for."""
    place = Location.__table__
    return db.session.execute(
        sa.select(place.c.id, place.c.name)
        .where(place.c.merchant_id == current_merchant_id(), place.c.is_active)
        .order_by(place.c.position, place.c.name, place.c.id)
    ).all()  # fmt: skip


def open_lists() -> int:
    """Pick lists that are being worked on, counted up to a thousand."""
    found = (
        sa.select(_list.c.id)
        .where(_list.c.merchant_id == current_merchant_id(), _list.c.state == "open")
        .limit(CAP + 1)
        .subquery()
    )
    return int(db.session.execute(sa.select(sa.func.count()).select_from(found)).scalar_one())


def oldest_to_pick(location_id: int, *, most: int, with_unpaid: bool = False) -> Sequence[int]:
    """The orders that can be picked at a location, the oldest first."""
    found = _to_pick(with_unpaid=with_unpaid).where(_allocation.c.location_id == location_id)
    return db.session.scalars(
        found.with_only_columns(_order.c.id).distinct().order_by(_order.c.id).limit(most)
    ).all()


def to_pick_by_place() -> dict[int, int]:
    """Paid orders that can be picked, by location, as far as so many of their lines tell."""
    lines = _to_pick().limit(MOST_LINES).subquery()
    rows = db.session.execute(
        sa.select(lines.c.location_id, sa.func.count(lines.c.id.distinct()).label("orders")).group_by(
            lines.c.location_id
        )
    )
    return {row.location_id: row.orders for row in rows}


def _to_pick(*, with_unpaid: bool = False) -> sa.Select[Any]:
    """Open orders, with the locations where units are promised to them that no parcel holds yet."""
    content, parcel = OrderFulfilmentLine.__table__.c, OrderFulfilment.__table__.c
    in_a_parcel = sa.exists().where(
        content.merchant_id == _allocation.c.merchant_id,
        content.order_id == _allocation.c.order_id,
        content.line_n == _allocation.c.line_n,
        parcel.merchant_id == content.merchant_id,
        parcel.order_id == content.order_id,
        parcel.n == content.fulfilment_n,
        parcel.state.in_(SET_APART),
    )
    found = (
        sa.select(_order.c.id, _allocation.c.location_id)
        .join(
            _allocation,
            sa.and_(_allocation.c.merchant_id == _order.c.merchant_id, _allocation.c.order_id == _order.c.id),
        )
        .where(
            _allocation.c.merchant_id == current_merchant_id(),
            _order.c.merchant_id == current_merchant_id(),
            _order.c.state == "open",
            _order.c.fulfilment_state.in_(("unfulfilled", "part_fulfilled")),
            ~in_a_parcel,
        )
    )
    return found if with_unpaid else found.where(_order.c.payment_state.in_(PAID))
