"""Read returns: one with its lines, those of a queue, and how many wait in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.orders.book import of_order
from portal.orders.models import OrderEvent, OrderLine, OrderRef, OrderReturn, OrderReturnLine
from portal.orders.paging import Page, page_of
from portal.orders.returns.states import OPEN

PAGE: Final = 50
CAP: Final = 1_000

_return: Final = OrderReturn.__table__
_row: Final = OrderReturnLine.__table__
_line: Final = OrderLine.__table__
_ref: Final = OrderRef.__table__
_event: Final = OrderEvent.__table__


@dataclass(frozen=True, slots=True)
class WholeReturn:
    """A return with its lines as the desk shows them."""

    head: sa.RowMapping
    lines: Sequence[sa.RowMapping]

    @property
    def is_late(self) -> bool:
        """The time to give the money back is over, and it has not gone back."""
        due = self.head["refund_due_at"]
        return due is not None and self.head["settled_n"] is None and due < utc_now()


def return_of(order_id: int, n: int) -> WholeReturn:
    """A return of an order.

    Raises:
        NotFoundError: the order has no such return.
    """
    head = db.session.execute(
        sa.select(_return).where(of_order(_return, order_id), _return.c.n == n)
    ).mappings().one_or_none()  # fmt: skip
    if head is None:
        raise NotFoundError("There is no such return of this order.")
    lines = db.session.execute(
        sa.select(_row, _line.c.sku, _line.c.title)
        .join(
            _line,
            sa.and_(
                _line.c.merchant_id == _row.c.merchant_id,
                _line.c.order_id == _row.c.order_id,
                _line.c.n == _row.c.line_n,
            ),
        )
        .where(of_order(_row, order_id), of_order(_line, order_id), _row.c.return_n == n)
        .order_by(_row.c.line_n)
    ).mappings().all()  # fmt: skip
    return WholeReturn(head, lines)


def returns_of(order_id: int, *, before: int | None = None) -> Page:
    """The returns of an order, newest first.

    Args:
        before: ``older`` of the page before.
    """
    return page_of(_return, order_id, before=before, most=PAGE)


def queue(state: str, *, after: tuple[int, int] | None = None) -> Sequence[sa.RowMapping]:
    """The returns in a state, of the oldest orders first.

    Args:
        after: order and number of the last row of the page before.
    """
    statement = _listed().where(_return.c.state == state)
    if after is not None:
        statement = statement.where(
            sa.tuple_(_return.c.order_id, _return.c.n) > sa.tuple_(*map(sa.literal, after))
        )
    return db.session.execute(
        statement.order_by(_return.c.order_id, _return.c.n).limit(PAGE + 1)
    ).mappings().all()  # fmt: skip


def clocks(*, after: tuple[int, int] | None = None) -> Sequence[sa.RowMapping]:
    """Withdrawals whose money has not gone back, the most urgent first.

    Args:
        after: order and number of the last row of the page before; its clock tells where the page begins.
    """
    statement = _listed().where(*_running())
    if after is not None:
        last = sa.select(_return.c.refund_due_at).where(
            of_order(_return, after[0]), _return.c.n == after[1]
        ).scalar_subquery()  # fmt: skip
        place = sa.tuple_(_return.c.refund_due_at, _return.c.order_id, _return.c.n)
        statement = statement.where(place > sa.tuple_(last, *map(sa.literal, after)))
    return db.session.execute(
        statement.order_by(_return.c.refund_due_at, _return.c.order_id, _return.c.n).limit(PAGE + 1)
    ).mappings().all()  # fmt: skip


def rejection_of(order_id: int, n: int) -> str | None:
    """Why a return was rejected, as a word of the list."""
    said = _event.c.data["rejection"].astext
    return db.session.execute(
        sa.select(said)
        .where(
            of_order(_event, order_id), _event.c.kind == "return_rejected", _event.c.data["return"].astext == str(n)
        )
        .limit(1)
    ).scalar_one_or_none()  # fmt: skip


def queue_counts() -> Mapping[str, int]:
    """How many returns wait in each open state, and how many refund clocks run; each counted up to a thousand."""
    columns = [_capped(_return.c.state == state).label(state) for state in OPEN]
    columns.append(_capped(sa.and_(*_running())).label("clock"))
    return dict(db.session.execute(sa.select(*columns)).one()._mapping)


def _running() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _return.c.refund_due_at.is_not(None),
        _return.c.settled_n.is_(None),
        _return.c.state.not_in(("refunded", "rejected")),
    )


def _listed() -> sa.Select[Any]:
    return sa.select(_return, _ref.c.number).join(
        _ref, sa.and_(_ref.c.merchant_id == _return.c.merchant_id, _ref.c.order_id == _return.c.order_id)
    ).where(_return.c.merchant_id == current_merchant_id(), _ref.c.merchant_id == current_merchant_id())  # fmt: skip


def _capped(condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    rows = (
        sa.select(_return.c.order_id)
        .where(_return.c.merchant_id == current_merchant_id(), condition)
        .limit(CAP + 1)
    )
    return sa.select(sa.func.count()).select_from(rows.subquery()).scalar_subquery()
