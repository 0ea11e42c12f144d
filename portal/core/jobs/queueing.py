"""Asking for work, and steering it: enqueue, cancel, resume, retry the rows that failed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, NotFoundError
from portal.core.jobs.models import Job
from portal.core.jobs.registry import kind_of
from portal.core.jobs.ringing import ring_after_commit

ARGS_BYTES: Final = 64 * 1024


def enqueue(
    kind: str,
    args: Mapping[str, Any] | None = None,
    *,
    by: Actor,
    total: int | None = None,
    unique_key: str | None = None,
    run_after: dt.datetime | None = None,
    retry_of: int | None = None,
) -> Job:
    """Write a job in the caller's transaction; a worker hears of it after the commit.

    Args:
        kind: a registered name.
        args: ids and plain values, never objects and never personal data.
        by: who asks for it.
        total: the number of rows, if known.
        unique_key: while a job of this kind and key waits or runs, it is returned instead of a second one.
        run_after: not before this instant.
        retry_of: the job whose failed rows are done again.

    Raises:
        UnknownJobError: no handler is registered for *kind*.
    """
    values = {
        "merchant_id": current_merchant_id(),
        "kind": kind,
        "queue": kind_of(kind).queue,
        "args": dict(args or {}),
        "actor_kind": by.kind,
        "actor_id": by.id,
        "actor_name": by.name,
        "total": total,
        "unique_key": unique_key,
        "retry_of": retry_of,
    }
    if len(json.dumps(values["args"])) > ARGS_BYTES:
        raise ValueError("A job's arguments are ids. Store what is large and pass its id.")
    if run_after is not None:
        values["run_after"] = run_after
    written = _write(values)
    if run_after is None:
        first = kind_of(kind).is_urgent
        ring_after_commit(db.session(), written.queue, written.merchant_id, written.id, first=first)
    return written


def job_of(job_id: int) -> Job:
    """A job of the merchant in scope.

    Raises:
        NotFoundError: there is none.
    """
    found = db.session.get(Job, (current_merchant_id(), job_id))
    if found is None:
        raise NotFoundError(
            "There is no such job, or it was tidied away. Finished jobs are kept for 90 days."
        )
    return found


def cancel(job_id: int, *, by: Actor) -> Job:
    """Stop a job: at once when it waits, at its next step when it runs. What is committed stays.

    Raises:
        ConflictError: it has ended already.
    """
    waiting = (
        sa.update(Job)
        .where(Job.id == job_id, Job.state == "queued")
        .values(state="cancelled", cancel_requested_at=sa.func.now(), finished_at=sa.func.now())
        .returning(Job.id)
    )
    running = (
        sa.update(Job)
        .where(Job.id == job_id, Job.state == "running")
        .values(cancel_requested_at=sa.func.coalesce(Job.cancel_requested_at, sa.func.now()))
        .returning(Job.id)
    )
    # It may start between the two questions, so the first is asked once more.
    if not any(db.session.execute(each).first() for each in (waiting, running, waiting)):
        raise ConflictError(f"This job has ended ({job_of(job_id).state}); there is nothing to cancel.")
    audit.record("job.cancelled", by=by, subject=("job", job_id))
    return _fresh(job_id)


def resume(job_id: int, *, by: Actor) -> Job:
    """Queue a failed or cancelled job again; it goes on where its last committed batch ended.

    Raises:
        ConflictError: it has not ended, or the same work was started anew meanwhile.
    """
    again = (
        sa.update(Job)
        .where(Job.id == job_id, Job.state.in_(("failed", "cancelled")))
        .values(
            state="queued",
            failures=0,
            cancel_requested_at=None,
            finished_at=None,
            error=None,
            run_after=sa.func.now(),
            rung_at=sa.func.now(),
        )
        .returning(Job.id)
    )
    try:
        with db.session.begin_nested():
            resumed = db.session.execute(again).first()
    except IntegrityError as error:
        raise ConflictError(
            "The same work was started again in the meantime; follow that job instead."
        ) from error
    if resumed is None:
        raise ConflictError(
            f"Only a failed or cancelled job can be resumed; this one is {job_of(job_id).state}."
        )
    job = _fresh(job_id)
    audit.record("job.resumed", by=by, subject=("job", job_id))
    ring_after_commit(db.session(), job.queue, job.merchant_id, job.id)
    return job


def retry_failed_rows(job_id: int, *, by: Actor) -> Job:
    """Start a job of the same kind on the rows of this one that failed.

    Raises:
        ConflictError: the job still runs, no row failed, or its kind cannot do rows again.
    """
    first = job_of(job_id)
    if first.is_active or not first.failed_items:
        raise ConflictError("There are no failed rows to retry, or the job has not ended yet.")
    if not kind_of(first.kind).retries_rows:
        raise ConflictError("This kind of job is resumed as a whole, not row by row.")
    again = enqueue(
        first.kind, first.args, by=by, total=first.failed_items, unique_key=f"retry-{job_id}", retry_of=job_id
    )
    audit.record(
        "job.rows_retried",
        by=by,
        subject=("job", job_id),
        after={"job": again.id, "rows": first.failed_items},
    )
    return again


def _write(values: dict[str, Any]) -> Job:
    write = (
        insert(Job)
        .values(**values)
        .on_conflict_do_nothing(
            index_elements=["merchant_id", "kind", "unique_key"],
            index_where=sa.text("state IN ('queued', 'running') AND unique_key IS NOT NULL"),
        )
        .returning(Job)
    )
    present = (
        sa.select(Job)
        .where(Job.kind == values["kind"], Job.unique_key == values["unique_key"])
        .where(Job.state.in_(("queued", "running")))
    )
    while True:
        # The one that stood in the way may end before it is read; then there is room for ours.
        found = db.session.scalars(write).one_or_none() or db.session.scalars(present).one_or_none()
        if found is not None:
            return found


def _fresh(job_id: int) -> Job:
    job = job_of(job_id)
    db.session.refresh(job)
    return job
