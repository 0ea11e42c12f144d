"""Claiming a job and seeing it to an end."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
import structlog
from flask import current_app

from portal.core.database import current_merchant_id, db, merchant_scope
from portal.core.errors import DomainError
from portal.core.jobs.errors import JobCancelledError, JobStoppedError, LeaseLostError, RetryLaterError
from portal.core.jobs.models import Job
from portal.core.jobs.registry import UnknownJobError, kind_of
from portal.core.jobs.ringing import ring_after_commit
from portal.core.jobs.run import LEASE, MAX_FAILURES, JobRun
from portal.core.tenancy import merchant_in_scope

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS: Final = 5.0
LOST: Final = "It was started several times and its worker stopped each time without a word. It was parked."


def run_job(merchant_id: int, job_id: int) -> bool:
    """Do one job, in an app context of its own; returns whether it was there to be done.

    Nothing a handler raises gets out: the job's row says how it ended.
    """
    with current_app._get_current_object().app_context(), merchant_scope(merchant_id):  # type: ignore[attr-defined]
        job = _claim(job_id)
        if job is None:
            return False
        with structlog.contextvars.bound_contextvars(job=job.id, merchant=merchant_id):
            _attempt(job)
        return True


def run_due_jobs(*, at_most: int = 1_000) -> int:
    """Do what is due, here and now: all jobs of the merchant in scope, or of all merchants when there is none.

    For tests and for ``python -m workers --burst``; returns how many were done.
    """
    done = 0
    while done < at_most:
        due = _due()
        ran = sum(run_job(merchant_id, job_id) for merchant_id, job_id in due)
        done += ran
        if not ran:
            break
    db.session.expire_all()
    return done


def _claim(job_id: int) -> Job | None:
    """Take a job that waits, or whose last worker let its lease run out. The attempt is the fencing token."""
    waits = sa.and_(Job.state == "queued", Job.run_after <= sa.func.now())
    is_lost = sa.and_(Job.state == "running", Job.lease_until < sa.func.now())
    take = (
        sa.update(Job)
        .where(Job.id == job_id, sa.or_(waits, is_lost))
        .values(
            state="running",
            attempt=Job.attempt + 1,
            lease_until=LEASE,
            progress_at=sa.func.now(),
            rate=None,
            started_at=sa.func.coalesce(Job.started_at, sa.func.now()),
            failures=Job.failures + sa.case((Job.state == "running", 1), else_=0),
        )
        .returning(Job)
        .execution_options(synchronize_session=False)
    )
    job = db.session.scalars(take).one_or_none()
    db.session.commit()
    return job


def _attempt(job: Job) -> None:
    run, kind, failures = JobRun(job), job.kind, job.failures
    is_cancelled, queue = job.cancel_requested_at is not None, job.queue
    # The claim was committed; the handler begins with a clean session and its own transaction.
    db.session.rollback()
    try:
        if failures >= MAX_FAILURES:
            run.end("failed", error=LOST)
        elif is_cancelled:
            run.end("cancelled")
        else:
            _handle(run, kind, queue)
    except LeaseLostError:
        db.session.rollback()
        log.warning("the job was taken over", attempt=run.attempt)


def _handle(run: JobRun, kind: str, queue: str) -> None:
    try:
        kind_of(kind).handler(run)
        run.finish()
    except LeaseLostError:
        raise
    except JobCancelledError:
        db.session.rollback()
        run.end("cancelled")
    except JobStoppedError:
        db.session.rollback()
        ring_after_commit(db.session(), queue, current_merchant_id(), run.id)
        run.end("queued")
    except RetryLaterError as failure:
        _fail(run, failure.message, seconds=failure.seconds)
    except DomainError as failure:
        # A broken rule stays broken: trying again would say the same.
        db.session.rollback()
        run.end("failed", error=failure.message, failed=True)
    except UnknownJobError:
        # An older worker may meet newer work in a roll-out; a newer one will take it.
        _fail(run, "This worker does not know this kind of work.", seconds=60)
    except Exception as failure:
        log.exception("the job failed", kind=kind, attempt=run.attempt)
        _fail(run, f"It stopped with an unexpected error ({type(failure).__name__}).")


def _fail(run: JobRun, message: str, *, seconds: float | None = None) -> None:
    db.session.rollback()
    if run.is_last_try:
        run.end("failed", error=f"{message} It was tried {MAX_FAILURES} times and parked.", failed=True)
    else:
        pause = FIRST_PAUSE_SECONDS * 4**run.failures if seconds is None else seconds
        run.end("queued", error=f"{message} It is tried again by itself.", failed=True, seconds=pause)


def _due() -> list[tuple[int, int]]:
    merchant_id = merchant_in_scope()
    if merchant_id is None:
        rows = db.session.execute(sa.text("SELECT merchant_id, id FROM due_jobs(interval '0', 100)")).all()
    else:
        waiting = (
            sa.select(Job.merchant_id, Job.id)
            .where(Job.state == "queued", Job.run_after <= sa.func.now())
            .order_by(Job.run_after, Job.id)
            .limit(100)
        )
        rows = db.session.execute(waiting).all()
    db.session.rollback()
    return [(int(merchant), int(job)) for merchant, job in rows]
