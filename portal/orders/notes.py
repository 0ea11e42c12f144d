"""Notes on an order, for the team or for the customer."""

from __future__ import annotations

import datetime as dt
from typing import Final

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError
from portal.orders.book import insert_row, lock_order, of_order
from portal.orders.models import OrderNote

LONGEST_NOTE: Final = 5_000

_note = OrderNote.__table__


def add_note(order_id: int, body: str, *, is_internal: bool, subject_id: int | None, by: Actor) -> None:
    """Write on the order, for the team or for the customer to read. A second click within a minute adds nothing.

    Raises:
        DomainError: the note is empty or too long.
    """
    text = body.replace("\0", "").strip()
    if not text:
        raise DomainError("Write something first.", field="body")
    if len(text) > LONGEST_NOTE:
        raise DomainError(f"Keep a note under {LONGEST_NOTE:,} characters.", field="body")
    lock_order(order_id)
    if _is_said_already(order_id, text, is_internal, by):
        return
    insert_row(
        _note, order_id, body=text, is_internal=is_internal, actor_kind=by.kind, actor_id=by.id, at=utc_now()
    )
    audit.record(
        action="order.note_added", by=by, subject=("order", order_id), after={"body": text, "is_internal": is_internal},
        data_subject_id=subject_id,
    )  # fmt: skip


def _is_said_already(order_id: int, text: str, is_internal: bool, by: Actor) -> bool:
    same = sa.select(_note.c.n).where(
        of_order(_note, order_id),
        _note.c.body == text,
        _note.c.is_internal == is_internal,
        _note.c.actor_kind == by.kind,
        _note.c.actor_id.is_not_distinct_from(by.id),
        _note.c.at > utc_now() - dt.timedelta(minutes=1),
    )
    return db.session.execute(same.limit(1)).first() is not None
