"""Handing events to consumers: effects and cursor in one transaction, in commit order, nothing passed over."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert

from portal.core.clock import utc_now
from portal.core.commit_order import Position, clusters_of, committed_after
from portal.core.database import current_merchant_id, db, retrying
from portal.core.outbox.models import OutboxCursor, OutboxEvent
from portal.core.outbox.registry import Consumer, Event, consumers

log = structlog.get_logger(__name__)

LONGEST_PAUSE: Final = dt.timedelta(minutes=10)


@dataclass(slots=True)
class ConsumerRun:
    """What one run did: events handled per consumer, and the consumers that failed."""

    handled: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def run_consumers(only: str | None = None) -> ConsumerRun:
    """Let each consumer (or *only* one) handle the events of the merchant in scope, until none is left.

    A consumer that fails keeps its cursor, waits longer each time, and holds up no other consumer.
    """
    done = ConsumerRun()
    for each in list(consumers().values()):
        if only in (None, each.name):
            try:
                done.handled[each.name] = _run(each)
            except Exception as error:
                db.session.rollback()
                log.exception("consumer failed", consumer=each.name)
                done.failed[each.name] = type(error).__name__
                _note_failure(each, type(error).__name__)
                db.session.commit()
    return done


def _run(each: Consumer) -> int:
    handled = 0
    clusters = clusters_of(db.session(), OutboxEvent)
    _ensure_cursors(each.name, clusters)
    for cluster in clusters:
        while (batch := retrying(_run_batch)(each, cluster)) is not None:
            handled += batch
    return handled


def _run_batch(each: Consumer, cluster: int) -> int | None:
    """One transaction; returns the events handled, or None when there is nothing to do or another process does it."""
    cursor = _locked_cursor(each.name, cluster)
    if cursor is None or (cursor.retry_at is not None and cursor.retry_at > utc_now()):
        db.session.rollback()
        return None
    position = Position(cluster, cursor.xid, cursor.event_id)
    found = db.session.scalars(committed_after(OutboxEvent, position, each.batch)).all()
    if not found:
        db.session.rollback()
        return None
    last = (found[-1].xid, found[-1].id)
    events = [Event(one.id, one.kind, one.key, one.payload) for one in found if one.kind in each.kinds]
    if events:
        each.handle(events)
    cursor.xid, cursor.event_id = last
    cursor.moved_at, cursor.failures, cursor.error, cursor.retry_at = utc_now(), 0, None, None
    db.session.commit()
    db.session.expunge_all()
    return len(events)


def _ensure_cursors(name: str, clusters: list[int]) -> None:
    # Committed before any event is handled, so that a first failure has a place to be noted.
    present = db.session.scalars(sa.select(OutboxCursor.cluster).where(OutboxCursor.consumer == name)).all()
    for cluster in set(clusters) - set(present):
        values = {"merchant_id": current_merchant_id(), "consumer": name, "cluster": cluster}
        db.session.execute(insert(OutboxCursor).values(**values).on_conflict_do_nothing())
    db.session.commit()


def _locked_cursor(name: str, cluster: int) -> OutboxCursor | None:
    return db.session.scalars(
        sa.select(OutboxCursor)
        .where(OutboxCursor.consumer == name, OutboxCursor.cluster == cluster)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _note_failure(each: Consumer, error: str) -> None:
    cursors = db.session.scalars(
        sa.select(OutboxCursor).where(OutboxCursor.consumer == each.name).with_for_update(skip_locked=True)
    ).all()
    for cursor in cursors:
        cursor.failures += 1
        cursor.error = f"It stopped with an unexpected error ({error}) and tries again by itself."
        cursor.retry_at = utc_now() + min(LONGEST_PAUSE, dt.timedelta(seconds=2 ** min(cursor.failures, 9)))
