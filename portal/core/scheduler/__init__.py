"""Work that comes round: each entry of the timetable runs in one process, once per interval.

The row is the lock. Whoever moves ``next_at`` on runs the entry, so any number of schedulers may be up, behind a
pooler too, and a crash costs one interval.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert

from portal.core.database import db, short_transaction
from portal.core.scheduler.models import ScheduledTask

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timetable; ``every`` may be a setting, read when it is looked at."""

    name: str
    every: dt.timedelta | Callable[[], dt.timedelta]
    run: Callable[[], object]

    @property
    def interval(self) -> dt.timedelta:
        """The time from one run to the next."""
        return self.every if isinstance(self.every, dt.timedelta) else self.every()


def run_due(timetable: tuple[Entry, ...]) -> list[str]:
    """Run what is due and not taken by another process; returns the names.

    An entry that fails says so in its row and in the log, and the others go on.
    """
    return [entry.name for entry in timetable if _take(entry) and _run(entry)]


def _take(entry: Entry) -> bool:
    interval = entry.interval
    row = insert(ScheduledTask).values(
        name=entry.name, next_at=sa.func.now() + interval, started_at=sa.func.now()
    )
    taken = row.on_conflict_do_update(
        index_elements=["name"],
        set_={"next_at": row.excluded.next_at, "started_at": row.excluded.started_at},
        # A time further off than the interval was set before the interval was made shorter.
        where=sa.or_(
            ScheduledTask.next_at <= sa.func.now(), ScheduledTask.next_at > sa.func.now() + interval
        ),
    ).returning(ScheduledTask.name)
    with short_transaction() as session:
        return session.execute(taken).first() is not None


def _run(entry: Entry) -> bool:
    error: str | None = None
    try:
        entry.run()
    except Exception as failure:
        db.session.rollback()
        error = type(failure).__name__
        log.exception("scheduled task failed", task=entry.name)
    with short_transaction() as session:
        session.execute(
            sa.update(ScheduledTask)
            .where(ScheduledTask.name == entry.name)
            .values(finished_at=sa.func.clock_timestamp(), error=error)
        )
    return True
