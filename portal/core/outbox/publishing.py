"""Writing events, and waking the dispatcher after the commit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.jobs.ringing import ring_for_events

# One text for one event and for a thousand: it is parsed once, and it is one round trip.
_WRITE: Final = sa.text("""
    INSERT INTO outbox_event (merchant_id, kind, key, payload)
    SELECT :merchant, CAST(:kind AS text), e.key, CAST(e.payload AS jsonb)
    FROM unnest(CAST(:keys AS text[]), CAST(:payloads AS text[])) AS e(key, payload)""")


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
    waiting = [(str(key), json.dumps(dict(payload))) for key, payload in events]
    if waiting:
        merchant_id = current_merchant_id()
        keys, payloads = zip(*waiting, strict=True)
        db.session.execute(
            _WRITE, {"merchant": merchant_id, "kind": kind, "keys": list(keys), "payloads": list(payloads)}
        )
        ring_for_events(db.session(), merchant_id)
