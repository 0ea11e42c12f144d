"""The rows of one order, locked, read, changed and told: what every change of an order is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.orders.models import Order, OrderEvent, OrderLine

_order: Final = Order.__table__
_line: Final = OrderLine.__table__


def lock_order(order_id: int) -> sa.RowMapping:
    """The head of an order, held until the transaction ends.

    Raises:
        NotFoundError: it is not here, or was moved to the archive.
    """
    found = (
        db.session.execute(
            sa.select(_order)
            .where(_order.c.merchant_id == current_merchant_id(), _order.c.id == order_id)
            .with_for_update()
        )
        .mappings()
        .one_or_none()
    )
    if found is None:
        raise NotFoundError("The order is not in the order book any more.")
    return found


def lines_of(order_id: int) -> Sequence[sa.RowMapping]:
    variant = Variant.__table__
    counted = sa.and_(_line.c.variant_id.is_not(None), sa.func.coalesce(variant.c.is_stocked, False))
    return (
        db.session.execute(
            sa.select(_line, counted.label("is_counted"))
            .outerjoin(
                variant,
                sa.and_(variant.c.merchant_id == _line.c.merchant_id, variant.c.id == _line.c.variant_id),
            )
            .where(of_order(_line, order_id))
            .order_by(_line.c.variant_id, _line.c.n)
        )
        .mappings()
        .all()
    )


def change_order(order_id: int, **values: Any) -> None:
    db.session.execute(
        sa.update(_order)
        .where(_order.c.merchant_id == current_merchant_id(), _order.c.id == order_id)
        .values(version=_order.c.version + 1, updated_at=sa.func.now(), **values)
    )


def tell(order_id: int, what: str, by: Actor, **data: str) -> None:
    """Timeline, audit and event of one change."""
    insert_row(
        OrderEvent.__table__, order_id, kind=what, actor_kind=by.kind, actor_id=by.id, at=utc_now(), data=data
    )
    announce(
        f"order.{what}",
        by=by,
        subject=("order", order_id),
        after=data,
        key=f"order:{order_id}",
        payload={"order_id": order_id} | ({"parcel": int(data["parcel"])} if "parcel" in data else {}),
    )


def insert_row(table: sa.Table, order_id: int, **values: Any) -> None:
    db.session.execute(
        sa.insert(table).values(merchant_id=current_merchant_id(), order_id=order_id, **values)
    )


def next_n(table: sa.Table, order_id: int) -> int:
    highest = db.session.execute(
        sa.select(sa.func.coalesce(sa.func.max(table.c.n), 0)).where(of_order(table, order_id))
    )
    return int(highest.scalar_one()) + 1


def of_order(table: sa.Table, order_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id)


def one_line(text: str | None, longest: int) -> str:
    """Typed text as one line: no NUL, single spaces, cut at *longest* characters."""
    return " ".join((text or "").replace("\0", "").split())[:longest]
