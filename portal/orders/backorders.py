"""Orders that wait for goods or for their payment get their units: the oldest first, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa

from portal.core.audit import SYSTEM, Actor
from portal.core.database import current_merchant_id, db
from portal.core.jobs import JobRun, enqueue, job
from portal.core.outbox import Event, consumer
from portal.orders.allocation import PENDING, WAITING, allocate_order
from portal.orders.book import of_order
from portal.orders.models import Order, OrderLine
from portal.stock.queries import available_by_variant

MOST_ORDERS: Final = 1_000

_line: Final = OrderLine.__table__
_order: Final = Order.__table__


@consumer("allocation", kinds=["stock.changed", "order.paid", "order.authorised"])
def note_arrivals(events: Sequence[Event]) -> None:
    """Units came free, or money came in: whoever waits for either is looked after by a job."""
    variants = {
        int(event.payload["variant_id"])
        for event in events
        if event.kind == "stock.changed" and event.payload
    }
    for variant_id in sorted(_awaited(variants)):
        enqueue(
            "orders.allocate-waiting",
            {"variant_id": variant_id},
            by=SYSTEM,
            unique_key=f"variant:{variant_id}",
        )
    for order_id in sorted(
        {int(event.payload["order_id"]) for event in events if event.kind != "stock.changed"}
    ):
        if _is_pending(order_id):
            enqueue("orders.allocate-paid", {"order_id": order_id}, by=SYSTEM, unique_key=f"order:{order_id}")


@job(
    "orders.allocate-waiting",
    title="Allocate back-orders",
    permission="orders.view",
    queue="quick",
    quiet=True,
)
def run_allocate_waiting(run: JobRun) -> None:
    """Give units of a variant that arrived to the orders that wait for it, as long as there are any."""
    variant_id = int(run.args["variant_id"])
    for order_id in waiting_orders([variant_id]):
        if not _available([variant_id]).get(variant_id):
            return
        allocate_order(order_id, by=_actor(run))
        run.commit(done=run.done + 1)


@job(
    "orders.allocate-paid", title="Allocate a paid order", permission="orders.view", queue="quick", quiet=True
)
def run_allocate_paid(run: JobRun) -> None:
    """Allocate an order whose units waited for its payment; what ran out meanwhile is looked for anew."""
    allocate_order(int(run.args["order_id"]), by=_actor(run))


def waiting_orders(variant_ids: Sequence[int]) -> Sequence[int]:
    """Orders that go on and wait for one of the variants, the oldest first."""
    return (
        db.session.execute(
            sa.select(_line.c.order_id)
            .distinct()
            .join(
                _order, sa.and_(_order.c.merchant_id == _line.c.merchant_id, _order.c.id == _line.c.order_id)
            )
            .where(
                *_waits(variant_ids),
                _order.c.state.in_(("open", "on_hold")),
            )
            .order_by(_line.c.order_id)
            .limit(MOST_ORDERS)
        )
        .scalars()
        .all()
    )


def _awaited(variant_ids: Iterable[int]) -> set[int]:
    """Those of the variants that a line waits for and that can be had now."""
    wanted = sorted(set(variant_ids))
    if not wanted:
        return set()
    waiting = (
        db.session.execute(sa.select(_line.c.variant_id).distinct().where(*_waits(wanted))).scalars().all()
    )
    return {variant_id for variant_id, units in _available(waiting).items() if units > 0}


def _waits(variant_ids: Iterable[int]) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _line.c.merchant_id == current_merchant_id(),
        _line.c.variant_id.in_(variant_ids),
        _line.c.promise_state.in_(WAITING),
        _line.c.quantity
        - _line.c.cancelled_quantity
        - _line.c.fulfilled_quantity
        - _line.c.allocated_quantity
        > 0,
    )


def _available(variant_ids: Sequence[int]) -> dict[int, int]:
    if not variant_ids:
        return {}
    return dict(available_by_variant(variant_ids))


def _is_pending(order_id: int) -> bool:
    found = db.session.execute(
        sa.select(_line.c.n).where(of_order(_line, order_id), _line.c.promise_state == PENDING).limit(1)
    )
    return found.first() is not None


def _actor(run: JobRun) -> Actor:
    return Actor(kind="job", id=run.id, name="job")
