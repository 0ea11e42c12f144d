"""Read one order whole, and the orders that wait for someone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.orders.models import (
    Order,
    OrderCharge,
    OrderContact,
    OrderEvent,
    OrderFulfilment,
    OrderFulfilmentLine,
    OrderLine,
    OrderNote,
    OrderPayment,
    OrderRef,
    OrderRefund,
    OrderReturn,
    OrderTag,
    SalesChannel,
)

Rows = Sequence[sa.RowMapping]
HISTORY_PAGE: Final = 100
MOST_LINES: Final = 1_000
CAP: Final = 1_000

_order, _ref = Order.__table__, OrderRef.__table__


@dataclass(frozen=True, slots=True)
class WholeOrder:
    """An order and everything that belongs to it, a statement per kind of row."""

    head: sa.RowMapping
    subject_id: int | None
    channel: str
    lines: Rows
    charges: Rows
    contacts: Rows
    payments: Rows
    refunds: Rows
    parcels: Rows
    parcel_lines: Rows
    returns: Rows
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class History:
    """A page of what happened on an order and was noted on it. ``older`` is where the next begins; None at the end."""

    events: Rows
    notes: Rows
    older: int | None


def find_order(number: str) -> sa.Row[Any, Any, Any]:
    """Id, subject and state of the order with this number.

    Raises:
        NotFoundError: the merchant has none.
    """
    if "\0" in number:
        raise NotFoundError("There is no order with this number.")
    found = db.session.execute(
        sa.select(_ref.c.order_id, _ref.c.subject_id, _ref.c.state).where(
            _ref.c.merchant_id == current_merchant_id(), _ref.c.number == number
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no order with this number.")
    return found


def version_of(order_id: int) -> int:
    """The version of the order's head as it stands; 0 when it is in the archive."""
    found = db.session.execute(
        sa.select(_order.c.version).where(
            _order.c.merchant_id == current_merchant_id(), _order.c.id == order_id
        )
    ).scalar_one_or_none()
    return int(found or 0)


def whole_order(order_id: int, subject_id: int | None) -> WholeOrder:
    """The order as its page shows it.

    Raises:
        NotFoundError: it was moved to the archive.
    """
    channel = SalesChannel.__table__
    head = db.session.execute(
        sa.select(_order, channel.c.name.label("channel_name"), _ref.c.external_id)
        .join(_ref, sa.and_(_ref.c.merchant_id == _order.c.merchant_id, _ref.c.order_id == _order.c.id))
        .join(channel, sa.and_(channel.c.merchant_id == _order.c.merchant_id, channel.c.id == _order.c.channel_id))
        .where(_order.c.merchant_id == current_merchant_id(), _order.c.id == order_id)
    ).mappings().one_or_none()  # fmt: skip
    if head is None:
        raise NotFoundError("This order is in the archive.")
    tags = _rows(OrderTag, order_id, OrderTag.__table__.c.tag)
    return WholeOrder(
        head, subject_id, head["channel_name"],
        lines=_rows(OrderLine, order_id, most=MOST_LINES), charges=_rows(OrderCharge, order_id),
        contacts=_rows(OrderContact, order_id), payments=_rows(OrderPayment, order_id), refunds=_rows(OrderRefund, order_id),
        parcels=_rows(OrderFulfilment, order_id),
        parcel_lines=_rows(OrderFulfilmentLine, order_id, OrderFulfilmentLine.__table__.c.line_n, most=MOST_LINES),
        returns=_rows(OrderReturn, order_id), tags=[row["tag"] for row in tags],
    )  # fmt: skip


def history_of(order_id: int, *, before: int | None = None) -> History:
    """Events and notes, the newest first; both are numbered by one sequence of time, so they share a place.

    Args:
        before: ``older`` of the page before.
    """
    kinds = [_newest(table, order_id, before) for table in (OrderEvent.__table__, OrderNote.__table__)]
    numbers = sorted((row["n"] for rows in kinds for row in rows), reverse=True)
    older = numbers[HISTORY_PAGE - 1] if len(numbers) > HISTORY_PAGE else None
    events, notes = ([row for row in rows if older is None or row["n"] >= older] for rows in kinds)
    return History(events, notes, older)


def orders_of_customer(customer_id: int, most: int = 10) -> Rows:
    """The newest orders of a customer."""
    return db.session.execute(
        sa.select(
            _order.c.id, _order.c.number, _order.c.placed_at, _order.c.state, _order.c.payment_state,
            _order.c.fulfilment_state, _order.c.total, _order.c.currency,
        ).where(_order.c.merchant_id == current_merchant_id(), _order.c.customer_id == customer_id)
        .order_by(_order.c.id.desc()).limit(most)
    ).mappings().all()  # fmt: skip


def waiting_counts() -> dict[str, int]:
    """How many orders wait for whom, each counted up to a thousand: the worklist of home."""
    open_order = _order.c.state == "open"
    conditions = {
        "unpaid": sa.and_(open_order, _order.c.payment_state == "unpaid"),
        "to_ship": sa.and_(
            open_order,
            _order.c.payment_state == "paid",
            _order.c.fulfilment_state.in_(("unfulfilled", "part_fulfilled")),
        ),
        "late": sa.and_(open_order, _order.c.due_at < sa.func.now()),
        "on_hold": _order.c.state == "on_hold",
    }
    counts = [
        sa.select(sa.func.count()).select_from(
            sa.select(_order.c.id).where(_order.c.merchant_id == current_merchant_id(), condition).limit(CAP + 1).subquery()
        ).scalar_subquery().label(name)
        for name, condition in conditions.items()
    ]  # fmt: skip
    return dict(db.session.execute(sa.select(*counts)).one()._mapping)


def _newest(table: Any, order_id: int, before: int | None) -> Rows:
    statement = sa.select(table).where(
        table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id
    )
    if before is not None:
        statement = statement.where(table.c.n < before)
    rows: Rows = db.session.execute(
        statement.order_by(table.c.n.desc()).limit(HISTORY_PAGE + 1)
    ).mappings().all()  # fmt: skip
    return rows


def _rows(model: Any, order_id: int, order: Any = None, *, most: int = 500) -> Rows:
    table = model.__table__
    rows: Rows = db.session.execute(
        sa.select(table).where(table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id)
        .order_by(table.c.n if order is None else order).limit(most)
    ).mappings().all()  # fmt: skip
    return rows
