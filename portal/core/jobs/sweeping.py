"""Ringing again for what nobody heard, and tidying away what ended long ago."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Final

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.jobs.doorbell import doorbell
from portal.core.jobs.models import Job
from portal.core.jobs.registry import kinds

HEARD_WITHIN: Final = dt.timedelta(seconds=8)
HEARD_WITHIN_WHEN_BUSY: Final = dt.timedelta(seconds=20)
AT_MOST: Final = 500
KEPT: Final = dt.timedelta(days=90)
QUIET_KEPT: Final = dt.timedelta(days=3)
PRUNED_AT_ONCE: Final = 2_000


def sweep() -> int:
    """Ring for queued jobs whose bell was lost and for jobs whose lease has ended; returns how many.

    While bells wait unheard the workers are busy, and ringing more of them helps nobody; then only old ones are rung.
    """
    bell = doorbell()
    waiting = bell.waiting()
    if waiting is None:
        return 0
    heard_within = HEARD_WITHIN_WHEN_BUSY if waiting else HEARD_WITHIN
    due = db.session.execute(
        sa.text("SELECT merchant_id, id, queue FROM due_jobs(:heard, :at_most)"),
        {"heard": heard_within, "at_most": AT_MOST},
    ).all()
    db.session.rollback()
    rung: dict[int, list[int]] = defaultdict(list)
    for merchant_id, job_id, queue in due:
        if bell.ring(queue, merchant_id, job_id):
            rung[merchant_id].append(job_id)
    for merchant_id, job_ids in rung.items():
        with merchant_scope(merchant_id):
            db.session.execute(sa.update(Job).where(Job.id.in_(job_ids)).values(rung_at=sa.func.now()))
            db.session.commit()
    return sum(map(len, rung.values()))


def prune_jobs(now: dt.datetime | None = None) -> int:
    """Delete the merchant's jobs that ended 90 days ago, quiet ones that went well after three; the caller commits.

    Some at a time; returns how many.
    """
    now = now or utc_now()
    quiet = [kind.name for kind in kinds().values() if kind.is_quiet]
    is_quiet_and_well = sa.and_(Job.kind.in_(quiet), Job.state == "done", Job.finished_at < now - QUIET_KEPT)
    old = (
        sa.select(Job.id)
        .where(sa.or_(Job.finished_at < now - KEPT, is_quiet_and_well))
        .order_by(Job.finished_at)
        .limit(PRUNED_AT_ONCE)
    )
    deleted = db.session.execute(sa.delete(Job).where(Job.id.in_(old)).returning(Job.id))
    return len(deleted.all())
