"""What was done, told in one statement to both who must know: the audit log, and whoever listens for the event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.jobs.ringing import ring_for_events

_ANNOUNCE: Final = sa.text(f"""
    WITH logged AS ({audit.INSERT})
    INSERT INTO outbox_event (merchant_id, kind, key, payload)
    VALUES (:merchant_id, :event_kind, :event_key, CAST(:event_payload AS jsonb))""")


def announce(
    action: str,
    *,
    by: Actor,
    subject: tuple[str, int | str],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    data_subject_id: int | None = None,
    event: str | None = None,
    key: str,
    payload: Mapping[str, Any],
) -> None:
    """``audit.record`` and ``outbox.publish`` of one change, in the caller's transaction and one trip.

    Args:
        event: the kind of the event, where it is another than *action*.
        key: the thing it happened to, as in ``product:7``.
        payload: ids and plain values; never personal data.

    The others are those of ``audit.record``.

    Raises:
        KeyringUnavailableError: the entry concerns a person and the key store does not answer; nothing is written.
    """
    entry = audit.Entry(action, subject, before, after, reason, data_subject_id)
    db.session.execute(
        _ANNOUNCE,
        audit.row_of(entry, by)
        | {
            "event_kind": event or action,
            "event_key": key,
            "event_payload": json.dumps(dict(payload)),
        },
    )
    ring_for_events(db.session(), current_merchant_id())
