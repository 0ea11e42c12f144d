"""The contact log of an order: calls and talks that staff write down, mails with what became of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.mail import Message
from portal.orders.book import insert_row, lock_order, of_order
from portal.orders.models import OrderContactLog

WAYS: Final = {"phone": "Phone", "chat": "Chat", "mail": "E-mail", "letter": "Letter", "in_store": "In store"}
LONGEST: Final = 5_000

_log, _message = OrderContactLog.__table__, Message.__table__


def log_contact(
    order_id: int, way: str, summary: str, *, is_incoming: bool, subject_id: int | None, by: Actor
) -> None:
    """Write down what was said. The same words by the same person within a minute are a second click.

    Raises:
        DomainError: nothing was written, or the way of contact is unknown.
    """
    text = summary.replace("\0", "").strip()
    if way not in WAYS:
        raise DomainError("Choose how you were in touch.", field="way")
    if not text:
        raise DomainError("Write down what was said.", field="summary")
    if len(text) > LONGEST:
        raise DomainError(f"Keep it under {LONGEST:,} characters.", field="summary")
    lock_order(order_id)
    same = sa.select(_log.c.n).where(
        of_order(_log, order_id),
        _log.c.summary == text,
        _log.c.way == way,
        _log.c.actor_id.is_not_distinct_from(by.id),
        _log.c.at > utc_now() - dt.timedelta(minutes=1),
    )
    if db.session.execute(same.limit(1)).first():
        return
    insert_row(
        _log, order_id, way=way, is_incoming=is_incoming, title=WAYS[way], summary=text, actor_kind=by.kind, actor_id=by.id,
        at=utc_now(),
    )  # fmt: skip
    audit.record(
        action="order.contact_logged", by=by, subject=("order", order_id), after={"way": way, "summary": text},
        data_subject_id=subject_id,
    )  # fmt: skip


def contacts_of(order_id: int, most: int = 50) -> Sequence[sa.RowMapping]:
    """The newest contacts; a mail comes with the state of its message, which is tidied away after half a year."""
    return (
        db.session.execute(
            sa.select(
                _log,
                _message.c.state.label("message_state"),
                _message.c.error.label("message_error"),
                _message.c.sent_at.label("message_sent_at"),
            )
            .outerjoin(
                _message,
                sa.and_(_message.c.merchant_id == _log.c.merchant_id, _message.c.id == _log.c.message_id),
            )
            .where(of_order(_log, order_id))
            .order_by(_log.c.n.desc())
            .limit(most)
        )
        .mappings()
        .all()
    )
