"""Real worker processes: they hear the bell, survive a kill and the loss of Redis, and stop in order."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis

from portal.core import jobs, outbox
from portal.core.audit import SYSTEM
from portal.core.database import db, merchant_scope
from portal.core.jobs import Job, registry
from portal.core.subjects import DataSubject
from tests.support.waiting import SECONDS, settle, until

ROOT = Path(__file__).resolve().parents[2]
ROWS = 60

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    """The web side must know the kind of work to enqueue it."""
    before = dict(registry._kinds)
    registry._kinds["test.slow"] = registry.JobKind(
        "test.slow", "Slow", "jobs.manage", lambda run: None, "long", False, False
    )
    yield
    registry._kinds.clear()
    registry._kinds.update(before)


@pytest.fixture
def start(process_environment: dict[str, str]) -> Iterator[Start]:
    """Start the workers; each in a process group of its own, killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.worker_handlers", *arguments],
            cwd=ROOT,
            env=os.environ | process_environment,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for the process and all below it: a job runs in a child of the worker, in a process group of its own.

    Returns when they are gone. A worker that is still dying listens to Redis, and would take the next bell with it.
    """
    family = [process.pid, *_descendants(process.pid)]
    with ExitStack() as stack:
        handles = [stack.enter_context(handle) for handle in map(_handle, family) if handle]
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle.fileno(), signal.SIGKILL)
        for handle in handles:
            gone, _, _ = select.select([handle], [], [], SECONDS)
            assert gone, "A killed process did not end in time."
    process.wait()


def _handle(pid: int) -> FileIO | None:
    """What becomes readable when the process ends; None when it has ended and was waited for."""
    try:
        return FileIO(os.pidfd_open(pid))
    except ProcessLookupError:
        return None


def _descendants(parent: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    pairs = [(int(pid), int(above)) for pid, above in map(str.split, listed.splitlines())]
    found, waiting = [], [parent]
    while waiting:
        above = waiting.pop()
        below = [pid for pid, its_parent in pairs if its_parent == above]
        found += below
        waiting += below
    return found


def enqueue(**args: float | str) -> int:
    job_id = jobs.enqueue("test.slow", args, by=SYSTEM, total=ROWS).id
    db.session.commit()
    return job_id


def look(job_id: int) -> Job:
    db.session.rollback()
    db.session.expire_all()
    return jobs.job_of(job_id)


def rows() -> int:
    db.session.rollback()
    return len(db.session.scalars(sa.select(DataSubject.id)).all())


def test_a_job_is_heard_and_done(scope: int, start: Start) -> None:
    start("--no-scheduler")
    job_id = enqueue(pause=0)
    until(lambda: look(job_id).state == "done")
    assert rows() == ROWS


def test_a_worker_killed_in_mid_job_is_replaced_and_nothing_is_done_twice(
    scope: int, start: Start, tmp_path: Path
) -> None:
    first, gate = start(), tmp_path / "go on"
    job_id = enqueue(pause=0, gate=str(gate))
    until(lambda: look(job_id).done == ROWS // 2)
    _kill(first)
    assert look(job_id).state == "running"
    gate.touch()
    start()
    until(lambda: look(job_id).state == "done")
    job = look(job_id)
    assert rows() == ROWS
    assert (job.attempt, job.failures) == (2, 1)


def test_losing_all_of_redis_costs_seconds_and_no_job(scope: int, start: Start, app: Flask) -> None:
    job_ids = [enqueue(pause=0) for _ in range(20)]
    bell = jobs.doorbell()
    redis: Redis = bell.redis
    redis.delete(*[f"rq:queue:{bell.queue_name(queue)}" for queue in ("quick", "long")])
    assert bell.waiting() == frozenset()
    start("--long", "2")
    until(lambda: all(look(job_id).state == "done" for job_id in job_ids))
    assert rows() == 20 * ROWS


def test_a_worker_told_to_stop_hands_the_job_back_with_its_checkpoint(
    scope: int, start: Start, tmp_path: Path
) -> None:
    worker, gate = start("--no-scheduler"), tmp_path / "go on"
    job_id = enqueue(pause=0, gate=str(gate))
    until(lambda: look(job_id).done == ROWS // 2)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=SECONDS) == 0
    job = look(job_id)
    assert (job.state, job.failures) == ("queued", 0)
    assert rows() == job.checkpoint["row"] == job.done
    gate.touch()
    start("--no-scheduler")
    db.session.rollback()
    until(lambda: look(job_id).state == "done")
    assert rows() == ROWS


def test_an_event_is_heard_within_seconds(scope: int, start: Start) -> None:
    start()
    job_id = enqueue(pause=0)
    until(lambda: look(job_id).state == "done")
    before = rows()
    outbox.publish("thing.changed", key="1")
    db.session.commit()
    settle()
    until(lambda: rows() == before + 1)


def test_a_burst_does_what_waits_and_ends(scope: int, start: Start) -> None:
    job_id = enqueue(pause=0)
    assert start("--burst").wait(timeout=120) == 0
    assert look(job_id).state == "done"


def test_jobs_leave_nothing_of_themselves_in_redis(scope: int, start: Start) -> None:
    start("--no-scheduler")
    job_id = enqueue(pause=0)
    until(lambda: look(job_id).state == "done")
    redis = jobs.doorbell().redis
    # The job is done a moment before its worker puts the bell away.
    until(
        lambda: (
            not any(
                str(job_id).encode() in (redis.hget(key, "data") or b"")
                for key in redis.scan_iter("rq:job:*")
            )
        )
    )


def test_another_merchant_is_not_touched(scope: int, app: Flask) -> None:
    job_id = enqueue(pause=0)
    db.session.rollback()
    with app.app_context():
        assert jobs.run_job(scope + 1_000_000, job_id) is False
    with app.app_context(), merchant_scope(scope):
        assert jobs.job_of(job_id).state == "queued"
