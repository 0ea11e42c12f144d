"""What a worker does when the bell rings. RQ calls these by name, with ids only."""

from __future__ import annotations

from functools import cache

from flask import Flask

from portal.app import create_app
from portal.core import jobs, outbox
from portal.core.database import merchant_scope


@cache
def worker_app() -> Flask:
    """The app of this process and of the children it forks, one per bell."""
    return create_app()


def run_job(merchant_id: int, job_id: int) -> None:
    """Do the job, if it still waits. What it ends in stands in its row, so RQ never sees a failure."""
    with worker_app().app_context():
        jobs.run_job(merchant_id, job_id)


def run_consumers(merchant_id: int) -> None:
    """Hand the merchant's events to their consumers."""
    with worker_app().app_context():
        jobs.doorbell().answer_events(merchant_id)
        with merchant_scope(merchant_id):
            outbox.run_consumers()
