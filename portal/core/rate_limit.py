"""At most so many requests a minute for each subject, counted in PostgreSQL and leased to processes in portions.

A process takes a portion of the minute's allowance at once and spends it from memory, so most requests ask no database.
The limit is never passed; a portion that a process does not spend is lost with its minute. ``throttle`` is the exact
one for sign-in; this one is for machines that call thousands of times.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.clock import utc_now
from portal.core.database import Base, beside_the_pool, db, short_transaction
from portal.core.personal_data import not_pii
from portal.core.tenancy import Platform

WINDOW: Final = 60
PORTIONS: Final = 40


class RateWindow(Platform, Base):
    """How much of the minute's allowance is given out."""

    __tablename__ = "rate_window"

    subject: Mapped[str] = mapped_column(
        sa.Text(collation="C"), primary_key=True, info=not_pii("a key of the API, by its number")
    )
    begins_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    given: Mapped[int] = mapped_column(info=not_pii("count"))

    __table_args__ = (sa.Index(None, "begins_at"),)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether the request may go on, and what to tell the caller: the limit, what this process knows to be left, and the
    seconds until the minute begins anew."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_after: int


_lock = threading.Lock()
_held: dict[tuple[int, str, str], tuple[int, int, int]] = {}


def spend(subject: str, *, limit: int) -> Allowance:
    """Count one request of *subject*, of which *limit* are allowed a minute."""
    now = utc_now().timestamp()
    minute = int(now // WINDOW)
    reset_after = int((minute + 1) * WINDOW - now) + 1
    # A forked process must not spend its parent's portion again.
    key = (os.getpid(), str(db.engine.url), subject)
    with _lock:
        held_minute, held, given = _held.get(key, (minute, 0, 0))
        if held_minute == minute and held > 0:
            _held[key] = (minute, held - 1, given)
            return Allowance(True, limit, limit - given + held - 1, reset_after)
    portion, given = _lease(subject, minute, max(1, limit // PORTIONS), limit)
    if portion == 0:
        return Allowance(False, limit, 0, reset_after)
    with _lock:
        held_minute, held, _ = _held.get(key, (minute, 0, 0))
        left = (held if held_minute == minute else 0) + portion - 1
        _held[key] = (minute, left, given)
    return Allowance(True, limit, limit - given + left, reset_after)


def forget_old_windows(before: dt.datetime) -> int:
    """Delete counters of minutes before *before*; returns how many."""
    with short_transaction() as session:
        gone = session.execute(
            sa.delete(RateWindow).where(RateWindow.begins_at < before).returning(RateWindow.subject)
        )
        return len(gone.all())


def _lease(subject: str, minute: int, wanted: int, limit: int) -> tuple[int, int]:
    """Units given now, at most *wanted*, and how many of the minute are given in all."""
    begins_at = dt.datetime.fromtimestamp(minute * WINDOW, dt.UTC)
    table = RateWindow.__table__
    with beside_the_pool() as session:
        session.execute(
            insert(table)
            .values(subject=subject, begins_at=begins_at, given=0)
            .on_conflict_do_nothing(index_elements=["subject"])
        )
        row = session.execute(
            sa.select(table.c.begins_at, table.c.given).where(table.c.subject == subject).with_for_update()
        ).one()
        given = row.given if row.begins_at == begins_at else 0
        portion = max(0, min(wanted, limit - given))
        session.execute(
            sa.update(table)
            .where(table.c.subject == subject)
            .values(begins_at=begins_at, given=given + portion)
        )
    return portion, given + portion
