"""A worker that dies between the call and the answer: whoever comes after asks, and nothing is moved twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.jobs import Job, run_job
from portal.orders.payments import services
from tests.orders.payments.conftest import GatewayDesk, Pay, work_later
from tests.support.databases import ROOT
from tests.support.waiting import SECONDS, until

WORKER = """
import sys
from portal.core.jobs import run_job
from workers.bells import worker_app
with worker_app().app_context():
    run_job(int(sys.argv[1]), int(sys.argv[2]))
"""


def waiting_job() -> Job:
    return db.session.scalars(
        sa.select(Job).where(Job.kind == "payments.attempt", Job.state == "queued")
    ).one()


def start_and_kill(
    job: Job, environment: dict[str, str], desk: GatewayDesk, has_left: Callable[[], bool]
) -> None:
    """Let a process do the job and kill it as soon as its call has left; the call is kept waiting."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(job.merchant_id), str(job.id)],
        cwd=ROOT,
        env=os.environ | environment | {"PRIVATE_HOSTS": urlsplit(desk.url).netloc},
    )
    db.session.rollback()
    until(lambda: has_left() or process.poll() is not None)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def take_over(job_id: int, merchant_id: int) -> None:
    """The lease has ended and another worker claims the job."""
    db.session.execute(
        sa.update(Job)
        .where(Job.id == job_id)
        .values(lease_until=sa.func.now() - sa.text("interval '1 minute'")),
        execution_options={"synchronize_session": False},
    )
    db.session.commit()
    assert run_job(merchant_id, job_id)
    db.session.expire_all()


@pytest.mark.parametrize("kind", ["slow", "late"])
@pytest.mark.parametrize("act", ["capture", "refund"])
def test_what_a_killed_worker_asked_for_is_done_once(
    app: Flask,
    scope: int,
    pay: Pay,
    desk: GatewayDesk,
    process_environment: dict[str, str],
    act: str,
    kind: str,
) -> None:
    paid = pay("20.00", captured=act == "refund")
    desk.fail_next(act, kind, seconds=SECONDS)
    acts = f"{act}s"

    def is_done() -> bool:
        return bool(desk.payments()[0][acts])

    def is_on_its_way() -> bool:
        return f"POST /v1/payments/{desk.payments()[0]['id']}/{acts}" in desk.state()["calls"]

    if act == "capture":
        services.capture(paid.order_id, 1, Decimal("20.00"), key="k", by=SYSTEM)
    else:
        services.request_refund(paid.order_id, 1, Decimal("20.00"), key="k", reason=None, by=SYSTEM)
    db.session.commit()
    job = waiting_job()
    job_id = job.id
    start_and_kill(job, process_environment, desk, is_done if kind == "slow" else is_on_its_way)
    assert paid.attempts()[-1].state == "started"
    assert paid.attempts()[-1].called_at is not None
    take_over(job_id, scope)
    assert paid.attempts()[-1].state == ("succeeded" if kind == "slow" else "unknown")
    desk.end_waits()
    if kind == "late":
        until(is_done)
        work_later()
    assert paid.attempts()[-1].state == "succeeded"
    entries = desk.payments()[0][acts]
    assert [each["amount"] for each in entries] == ["20"]
    head = paid.head()
    assert (head.captured_total, head.refunded_total) == (Decimal(20), Decimal(20 if act == "refund" else 0))


def test_a_worker_killed_before_the_call_leaves_nothing_behind(
    scope: int, pay: Pay, desk: GatewayDesk
) -> None:
    paid = pay("20.00")
    services.capture(paid.order_id, 1, Decimal("20.00"), key="k", by=SYSTEM)
    db.session.commit()
    job = waiting_job()
    job_id = job.id
    # Claimed by a process that died before it said that the call leaves.
    job.state, job.attempt, job.lease_until = "running", 1, utc_now()
    db.session.commit()
    take_over(job_id, scope)
    assert paid.attempts()[-1].state == "succeeded"
    assert len(desk.payments()[0]["captures"]) == 1
