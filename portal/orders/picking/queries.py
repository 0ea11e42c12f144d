"""Read a pick list, and what waits to be picked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.orders.models import OrderRef, PickLine, PickList
from portal.stock.models import Location

CAP: Final = 1_000

_line, _ref, _list = PickLine.__table__, OrderRef.__table__, PickList.__table__


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
