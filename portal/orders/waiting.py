"""What ends by time or by news: holds whose rule is fulfilled, collections nobody came for, shortfalls that are covered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa
import structlog

from portal.core.audit import SYSTEM, Actor
from portal.core.database import current_merchant_id, db, merchant_scope
from portal.core.errors import DomainError
from portal.core.jobs import JobRun, enqueue, job
from portal.core.outbox import Event, consumer
from portal.orders.fulfilment.collecting import collections_due, give_up
from portal.orders.fulfilment.parcels import undo_what_is_gone
from portal.orders.holds import end_due_holds, orders_to_look_at
from portal.orders.models import OrderHold, OrderLine, OrderShortfall
from portal.orders.shortfalls.services import reconcile

log = structlog.get_logger(__name__)

# What can change how many units an order misses.
TOUCHING: Final = (
    "order.placed", "order.changed", "order.cancelled", "order.shipped", "order.fulfilled", "order.released", "order.hold_changed",
    "order.reopened", "order.allocated", "order.uncollected", "order.collected", "order.handed_over", "order.paid",
)  # fmt: skip
CUTTING: Final = ("order.cancelled", "order.changed", "order.fulfilled")
MOST_FOR_STOCK: Final = 200

_hold, _line, _case = OrderHold.__table__, OrderLine.__table__, OrderShortfall.__table__


@job(
    "orders.waits",
    title="Holds and collections that come due",
    permission="orders.view",
    queue="quick",
    quiet=True,
)
def run_waits(run: JobRun) -> None:
    """End what has come due, each order in a transaction of its own."""
    by = Actor(kind="job", id=run.id, name="job")
    after = 0
    while batch := orders_to_look_at(after):
        after = batch[-1]
        for order_id in batch:
            _quietly(order_id, lambda order_id=order_id: end_due_holds(order_id, by=by))
            run.commit()
    for row in collections_due():
        _quietly(row.order_id, lambda row=row: give_up(row.order_id, row.n, by=by))
        run.commit()


def waits_due() -> None:
    """Ring for every merchant with a hold or a collection that comes due; the timetable calls this once a minute."""
    due = db.session.scalars(sa.text("SELECT order_waits_due()")).all()
    db.session.rollback()
    for merchant_id in due:
        with merchant_scope(int(merchant_id)):
            enqueue("orders.waits", by=SYSTEM, unique_key="waits")
            db.session.commit()


@consumer("order-waits", kinds=[*TOUCHING, "stock.changed"])
def follow_news(events: Sequence[Event]) -> None:
    """Orders that were paid or promised may go on; goods that came in may end a hold; what is missing is said."""
    touched = [int(event.payload["order_id"]) for event in events if event.kind in TOUCHING]
    for order_id in sorted({int(event.payload["order_id"]) for event in events if event.kind in CUTTING}):
        _quietly(order_id, lambda order_id=order_id: undo_what_is_gone(order_id, by=SYSTEM))
    for order_id in _short_or_said_so(touched):
        _quietly(order_id, lambda order_id=order_id: reconcile(order_id, by=SYSTEM))
    paid = [int(event.payload["order_id"]) for event in events if event.kind == "order.paid"]
    arrived = {
        int(event.payload["variant_id"]) for event in events
        if event.kind == "stock.changed" and "variant_id" in event.payload
    }  # fmt: skip
    for order_id in [*_held(paid, "when_paid"), *_held(_orders_with(arrived), "when_in_stock")]:
        _quietly(order_id, lambda order_id=order_id: end_due_holds(order_id, by=SYSTEM))


def _short_or_said_so(order_ids: Iterable[int]) -> list[int]:
    """Those orders that miss units or have an open case, by id: the others are not even locked."""
    wanted = sorted(set(order_ids))
    if not wanted:
        return []
    merchant_id = current_merchant_id()
    short = sa.select(_line.c.order_id).where(
        _line.c.merchant_id == merchant_id, _line.c.order_id.in_(wanted), _line.c.promise_state == "short"
    )  # fmt: skip
    said = sa.select(_case.c.order_id).where(
        _case.c.merchant_id == merchant_id, _case.c.order_id.in_(wanted), _case.c.state == "open"
    )
    return sorted(set(db.session.scalars(short.union(said))))


def _held(order_ids: Iterable[int], rule: str) -> list[int]:
    wanted = sorted(set(order_ids))
    if not wanted:
        return []
    rows = db.session.scalars(
        sa.select(_hold.c.order_id).where(
            _hold.c.merchant_id == current_merchant_id(), _hold.c.order_id.in_(wanted), _hold.c.ended_at.is_(None),
            _hold.c.rule == rule,
        )
    )  # fmt: skip
    return list(dict.fromkeys(rows))


def _orders_with(variant_ids: set[int]) -> list[int]:
    """Held orders that wait for stock and have one of the variants, the oldest first."""
    if not variant_ids:
        return []
    rows = db.session.scalars(
        sa.select(_hold.c.order_id)
        .join(
            _line,
            sa.and_(_line.c.merchant_id == _hold.c.merchant_id, _line.c.order_id == _hold.c.order_id),
        )
        .where(
            _hold.c.merchant_id == current_merchant_id(),
            _hold.c.ended_at.is_(None),
            _hold.c.rule == "when_in_stock",
            _line.c.variant_id.in_(variant_ids),
        )
        .order_by(_hold.c.order_id)
        .limit(MOST_FOR_STOCK)
    )
    return list(dict.fromkeys(rows))


def _quietly(order_id: int, work: object) -> None:
    """One order that cannot be handled must not stop the others."""
    assert callable(work)
    try:
        with db.session.begin_nested():
            work()
    except DomainError as error:
        log.info("an order was left as it is", order_id=order_id, why=error.message)
