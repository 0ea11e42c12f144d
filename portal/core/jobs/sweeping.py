"""Ringing again for what nobody heard, and tidying away what ended long ago."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Final

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.jobs.doorbell import doorbell, job_bell
from portal.core.jobs.models import Job
from portal.core.jobs.registry import kinds

HEARD_WITHIN: Final = dt.timedelta(seconds=8)
AT_MOST: Final = 500
KEPT: Final = dt.timedelta(days=90)
QUIET_KEPT: Final = dt.timedelta(days=3)
PRUNED_AT_ONCE: Final = 2_000


def sweep() -> int:
    """Ring for queued jobs whose bell was lost and for jobs whose lease has ended; returns how many.

    A job whose bell still waits is not rung for again: every bell takes a worker's time, and a second one for the same
    job would keep all others waiting for longer than the first did.
    """
    bell = doorbell()
    waiting = bell.waiting()
    if waiting is None:
        return 0
    due = db.session.execute(
        sa.text("SELECT merchant_id, id, queue FROM due_jobs(:heard, :at_most)"),
        {"heard": HEARD_WITHIN, "at_most": AT_MOST},
    ).all()
    db.session.rollback()
    rung = 0
    asked: dict[int, list[int]] = defaultdict(list)
    for merchant_id, job_id, queue in due:
        if job_bell(merchant_id, job_id) not in waiting:
            if not bell.ring(queue, merchant_id, job_id):
                continue
            rung += 1
        asked[merchant_id].append(job_id)
    for merchant_id, job_ids in asked.items():
        with merchant_scope(merchant_id):
            db.session.execute(sa.update(Job).where(Job.id.in_(job_ids)).values(rung_at=sa.func.now()))
            db.session.commit()
    return rung


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
