"""Writing events, and waking the dispatcher after the commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.jobs.doorbell import ring_for_events
from portal.core.outbox.models import OutboxEvent


def publish(kind: str, *, key: str | int, payload: Mapping[str, Any] | None = None) -> None:
    """Tell in the caller's transaction that something happened.

    Args:
        kind: noun and past verb, as in ``stock.changed``.
        key: the thing it happened to.
        payload: ids and plain values; the consumer reads the rest as it stands then. Never personal data.
    """
    publish_many(kind, [(key, payload or {})])


def publish_many(kind: str, events: Iterable[tuple[str | int, Mapping[str, Any]]]) -> None:
    """Many events of one kind in one statement."""
    merchant_id = current_merchant_id()
    rows = [
        {"merchant_id": merchant_id, "kind": kind, "key": str(key), "payload": dict(payload)}
        for key, payload in events
    ]
    if rows:
        db.session.execute(sa.insert(OutboxEvent.__table__), rows)
        ring_for_events(db.session(), merchant_id)
