"""Events: in commit order, none passed over, each taking effect once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.database import db, merchant_scope
from portal.core.outbox import ConsumerRun, Event, OutboxCursor, OutboxEvent, registry
from portal.core.subjects import DataSubject
from tests.support.people import make_merchant
from tests.support.waiting import settle


@pytest.fixture
def listen() -> Iterator[Callable[..., list[str]]]:
    """Register consumers that are gone after the test; gives the list of keys they were handed."""
    before = dict(registry._consumers)
    registry._consumers.clear()

    def register(
        name: str = "test",
        kinds: Sequence[str] = ("thing.changed",),
        act: Callable[[Sequence[Event]], None] | None = None,
        **options: Any,
    ) -> list[str]:
        seen: list[str] = []

        def handle(events: Sequence[Event]) -> None:
            if act:
                act(events)
            seen.extend(event.key for event in events)

        registry._consumers.pop(name, None)
        outbox.consumer(name, kinds=kinds, **options)(handle)
        return seen

    yield register
    registry._consumers.clear()
    registry._consumers.update(before)


def tell(*keys: str, kind: str = "thing.changed") -> None:
    for key in keys:
        outbox.publish(kind, key=key)
    db.session.commit()


def begin_slowly(slow: Session, merchant_id: int) -> None:
    """Tell of a change in a transaction that stays open; what is told after this has a larger id."""
    slow.execute(
        sa.insert(OutboxEvent.__table__),
        [{"merchant_id": merchant_id, "kind": "thing.changed", "key": "slow", "payload": {}}],
    )
    # Ids of one millisecond may come in either order.
    time.sleep(0.002)


def run_consumers() -> ConsumerRun:
    settle()
    return outbox.run_consumers()


def test_a_consumer_gets_events_of_its_kinds_in_order_and_once(
    scope: int, listen: Callable[..., list[str]]
) -> None:
    seen = listen()
    tell("1", "2")
    tell("x", kind="other.changed")
    tell("3")
    assert run_consumers().handled == {"test": 3}
    assert run_consumers().handled == {"test": 0}
    tell("4")
    run_consumers()
    assert seen == ["1", "2", "3", "4"]


def test_an_event_of_a_rolled_back_change_is_never_told(scope: int, listen: Callable[..., list[str]]) -> None:
    seen = listen()
    outbox.publish("thing.changed", key="1")
    db.session.rollback()
    run_consumers()
    assert seen == []


def test_batches_go_on_until_nothing_is_left(scope: int, listen: Callable[..., list[str]]) -> None:
    seen = listen(batch=2)
    tell("1", "2", "3", "4", "5")
    run_consumers()
    assert seen == ["1", "2", "3", "4", "5"]


def test_an_event_of_a_slow_transaction_with_a_smaller_id_is_not_skipped(
    scope: int, listen: Callable[..., list[str]]
) -> None:
    seen = listen()
    with Session(db.engine) as slow:
        begin_slowly(slow, scope)
        tell("fast")
        # The fast one is committed, and still held back: a smaller one may yet appear before it.
        outbox.run_consumers()
        assert seen == []
        slow.commit()
    run_consumers()
    assert seen == ["slow", "fast"]
    ids = db.session.scalars(sa.select(OutboxEvent.id).order_by(OutboxEvent.xid, OutboxEvent.id)).all()
    assert ids == sorted(ids)


def test_a_naive_reader_by_id_would_have_skipped_it(scope: int) -> None:
    """The control: the same history, read by id above the last one seen, loses the slow event."""
    with Session(db.engine) as slow:
        begin_slowly(slow, scope)
        tell("fast")
        last = max(db.session.scalars(sa.select(OutboxEvent.id)).all())
        slow.commit()
    db.session.rollback()
    assert db.session.scalars(sa.select(OutboxEvent.key).where(OutboxEvent.id > last)).all() == []


def test_effects_and_cursor_stand_or_fall_together(scope: int, listen: Callable[..., list[str]]) -> None:
    fails = [True]

    def act(events: Sequence[Event]) -> None:
        db.session.add(DataSubject())
        db.session.flush()
        if fails:
            fails.clear()
            raise ValueError("no")

    listen(act=act)
    tell("1")
    assert run_consumers().failed == {"test": "ValueError"}
    assert len(db.session.scalars(sa.select(DataSubject)).all()) == 0
    cursor = db.session.scalars(sa.select(OutboxCursor)).one()
    assert (cursor.failures, cursor.event_id) == (1, 0) and cursor.retry_at is not None
    db.session.execute(sa.update(OutboxCursor).values(retry_at=None))
    db.session.commit()
    run_consumers()
    assert len(db.session.scalars(sa.select(DataSubject)).all()) == 1
    assert db.session.scalars(sa.select(OutboxCursor)).one().failures == 0


def test_a_failing_consumer_holds_up_no_other(scope: int, listen: Callable[..., list[str]]) -> None:
    def explode(events: Sequence[Event]) -> None:
        raise ValueError("no")

    listen("bad", act=explode)
    seen = listen("good")
    tell("1")
    done = run_consumers()
    assert (done.failed, seen) == ({"bad": "ValueError"}, ["1"])


def test_two_processes_do_not_handle_the_same_events(
    app: Flask, scope: int, listen: Callable[..., list[str]]
) -> None:
    inner: list[dict[str, int]] = []

    def act(events: Sequence[Event]) -> None:
        with app.app_context(), merchant_scope(scope):
            inner.append(outbox.run_consumers().handled)

    seen = listen(act=act)
    tell("1")
    run_consumers()
    assert (seen, inner) == (["1"], [{"test": 0}])


def test_events_of_a_restored_database_come_first_and_none_is_lost(
    scope: int, listen: Callable[..., list[str]]
) -> None:
    """Transaction numbers begin anew in a new cluster: old events may carry larger ones than any event to come."""
    seen = listen()
    foreign = {"merchant_id": scope, "kind": "thing.changed", "payload": {}, "cluster": 42}
    insert = sa.text(
        "INSERT INTO outbox_event (merchant_id, kind, key, payload, cluster, xid)"
        " VALUES (:merchant_id, :kind, :key, '{}', :cluster, CAST(CAST(:xid AS text) AS xid8))"
    )
    for key, xid in (("old 1", 900_000_000_000), ("old 2", 900_000_000_001)):
        db.session.execute(insert, {**foreign, "key": key, "xid": str(xid)})
    db.session.commit()
    tell("new")
    run_consumers()
    assert seen == ["old 1", "old 2", "new"]
    tell("newer")
    run_consumers()
    assert seen[3:] == ["newer"]
    positions = db.session.scalars(sa.select(OutboxCursor).order_by(OutboxCursor.cluster)).all()
    assert [position.cluster == 42 for position in positions].count(True) == 1 and len(positions) == 2


def test_events_are_added_and_never_changed(scope: int) -> None:
    tell("1")
    with pytest.raises(DBAPIError, match="permission denied"):
        db.session.execute(sa.update(OutboxEvent).values(key="2"))
    db.session.rollback()


def test_the_dispatcher_learns_who_has_unread_events(
    app: Flask, scope: int, listen: Callable[..., list[str]]
) -> None:
    listen()
    quiet = make_merchant(app)
    tell("1")

    def waiting() -> list[int]:
        rows = db.session.scalars(sa.text("SELECT merchants_with_events(ARRAY['test'], 0)")).all()
        db.session.rollback()
        return [int(row) for row in rows]

    assert scope in waiting() and quiet not in waiting()
    run_consumers()
    assert scope not in waiting()
