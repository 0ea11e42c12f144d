"""Work in the background. The row in PostgreSQL is the truth, Redis is a doorbell.

A view calls ``enqueue`` in its transaction; after the commit a worker hears the bell, claims the row and runs the
handler registered under the job's kind with a ``JobRun``.
"""

from __future__ import annotations

from flask import Flask

from portal.config import Settings
from portal.core.jobs.doorbell import (
    Doorbell,
    doorbell,
    events_bell,
    init_doorbell,
)
from portal.core.jobs.errors import JobCancelledError, JobStoppedError, LeaseLostError, RetryLaterError
from portal.core.jobs.models import ACTIVE, STATES, Job, JobItem
from portal.core.jobs.queueing import cancel, enqueue, job_of, resume, retry_failed_rows
from portal.core.jobs.registry import (
    JobKind,
    RowName,
    RowNames,
    UnknownJobError,
    job,
    kind_of,
    kinds,
    title_of,
)
from portal.core.jobs.ringing import (
    events_of,
    ring,
    ring_after_commit,
    ring_beside_requests,
    ring_for_events,
)
from portal.core.jobs.run import JobRun, stop_requested
from portal.core.jobs.running import run_due_jobs, run_job
from portal.core.jobs.sweeping import prune_jobs, sweep

__all__ = [
    "ACTIVE",
    "STATES",
    "Doorbell",
    "Job",
    "JobCancelledError",
    "JobItem",
    "JobKind",
    "JobRun",
    "JobStoppedError",
    "LeaseLostError",
    "RetryLaterError",
    "RowName",
    "RowNames",
    "UnknownJobError",
    "cancel",
    "doorbell",
    "enqueue",
    "events_bell",
    "events_of",
    "init_jobs",
    "job",
    "job_of",
    "kind_of",
    "kinds",
    "prune_jobs",
    "resume",
    "retry_failed_rows",
    "ring",
    "ring_after_commit",
    "ring_beside_requests",
    "ring_for_events",
    "run_due_jobs",
    "run_job",
    "stop_requested",
    "sweep",
    "title_of",
]


def init_jobs(app: Flask) -> None:
    """Give the app its doorbell."""
    settings = app.config["SETTINGS"]
    assert isinstance(settings, Settings)
    init_doorbell(app, settings.redis_url, settings.rq_prefix)
