"""Jobs against real PostgreSQL: claiming, fencing, resuming, cancelling, parking."""

from __future__ import annotations

import datetime as dt
import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis

from portal.core import jobs, outbox
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.jobs import Job, JobItem, JobRun, LeaseLostError, RetryLaterError, registry, run_due_jobs
from portal.core.jobs.running import _claim
from portal.core.jobs.sweeping import prune_jobs, sweep
from tests.support.people import make_merchant

USER = Actor("user", 7, "Ada Clerk")


@pytest.fixture
def handle() -> Iterator[Callable[..., None]]:
    """Register handlers that are gone after the test."""
    before = dict(registry._kinds)

    def register(handler: Callable[[JobRun], None], name: str = "test.work", **options: Any) -> None:
        registry._kinds.pop(name, None)
        jobs.job(name, title="Work of a test", **options)(handler)

    yield register
    registry._kinds.clear()
    registry._kinds.update(before)


@pytest.fixture
def bells(app: Flask, servers: tuple[str, str]) -> Iterator[Redis]:
    """A doorbell that nobody else rings, and the Redis behind it."""
    before = app.extensions["portal_doorbell"]
    app.extensions["portal_doorbell"] = made = jobs.Doorbell(servers[1], f"bells-{uuid.uuid4().hex}")
    yield made.redis
    app.extensions["portal_doorbell"] = before


def enqueue(**options: Any) -> Job:
    job = jobs.enqueue("test.work", by=USER, **options)
    db.session.commit()
    return job


def fresh(job: Job) -> Job:
    db.session.expire_all()
    return jobs.job_of(job.id)


def test_it_runs_a_job_and_keeps_what_it_was_told(scope: int, handle: Callable[..., None]) -> None:
    seen: list[dict[str, Any]] = []
    handle(lambda run: seen.append({**run.args, "by": run.by}))
    job = enqueue(args={"product_id": 5}, total=3)
    assert run_due_jobs() == 1
    assert seen == [{"product_id": 5, "by": USER}]
    assert (fresh(job).state, job.attempt, job.lease_until, job.error) == ("done", 1, None, None)
    assert job.finished_at is not None and run_due_jobs() == 0


def test_a_job_that_is_rolled_back_never_was(scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: pytest.fail("it ran"))
    jobs.enqueue("test.work", by=USER)
    db.session.rollback()
    assert run_due_jobs() == 0


def test_the_bell_rings_after_the_commit_and_not_before(
    scope: int, handle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    handle(lambda run: None)
    rung: list[int] = []
    monkeypatch.setattr(
        jobs.doorbell(), "ring", lambda queue, merchant, job, first=False: rung.append(job) or True
    )
    with db.session.begin_nested():
        job = jobs.enqueue("test.work", by=USER)
    assert rung == []
    db.session.commit()
    assert rung == [job.id]
    jobs.enqueue("test.work", by=USER)
    db.session.rollback()
    db.session.commit()
    assert rung == [job.id]


def test_a_web_server_rings_beside_its_requests_and_once_for_those_that_wait(
    scope: int, app: Flask, handle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    handle(lambda run: None)
    answers, rung = threading.Event(), queue.SimpleQueue[tuple[str, int]]()

    def hang(what: str, number: int) -> None:
        rung.put((what, number))
        assert answers.wait(20)

    monkeypatch.setattr(jobs.doorbell(), "ring_for_events", lambda merchant: hang("events", merchant))
    monkeypatch.setattr(
        jobs.doorbell(), "ring", lambda to, merchant, job, first=False: hang("job", job) or True
    )
    jobs.ring_beside_requests(app)
    try:
        for n in range(3):
            outbox.publish("test.changed", key=n)
            db.session.commit()
            if n == 0:
                assert rung.get(timeout=20) == ("events", scope)
        wanted = enqueue()
        answers.set()
        assert [rung.get(timeout=20) for _ in range(2)] == [("events", scope), ("job", wanted.id)]
        outbox.publish("test.changed", key=1)
        db.session.rollback()
        last = enqueue()
        assert rung.get(timeout=20) == ("job", last.id)
    finally:
        answers.set()
        del app.extensions["portal_ringer"]


def test_a_ringer_that_failed_rings_again(
    scope: int, app: Flask, handle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    handle(lambda run: None)
    rung = queue.SimpleQueue[int]()

    def fail_once(to: str, merchant: int, job: int, first: bool = False) -> bool:
        is_first = not tried
        tried.append(job)
        rung.put(job)
        if is_first:
            raise RuntimeError("no bell")
        return True

    tried: list[int] = []
    monkeypatch.setattr(jobs.doorbell(), "ring", fail_once)
    jobs.ring_beside_requests(app)
    try:
        first = enqueue()
        assert rung.get(timeout=20) == first.id
        second = enqueue()
        assert rung.get(timeout=20) == second.id
    finally:
        del app.extensions["portal_ringer"]


def test_a_dead_redis_does_not_fail_the_request(scope: int, handle: Callable[..., None], app: Flask) -> None:
    handle(lambda run: None)
    app.extensions["portal_doorbell"], bell = jobs.Doorbell("redis://127.0.0.1:1/0", "x"), jobs.doorbell()
    try:
        job = enqueue()
    finally:
        app.extensions["portal_doorbell"] = bell
    assert fresh(job).state == "queued"


def test_a_unique_key_asks_for_the_same_work_once(scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: None)
    first, second = enqueue(unique_key="stock-1"), enqueue(unique_key="stock-1")
    assert first.id == second.id
    assert run_due_jobs() == 1
    assert enqueue(unique_key="stock-1").id != first.id


def test_it_refuses_work_nobody_knows(scope: int) -> None:
    with pytest.raises(jobs.UnknownJobError):
        jobs.enqueue("test.nothing", by=USER)


def test_an_error_is_tried_again_later_and_parked_after_five_times(
    scope: int, handle: Callable[..., None]
) -> None:
    def explode(run: JobRun) -> None:
        raise ValueError("jane@example.com is no number")

    handle(explode)
    job = enqueue()
    for _ in range(5):
        db.session.execute(sa.update(Job).values(run_after=utc_now()))
        db.session.commit()
        run_due_jobs(at_most=1)
    assert (fresh(job).state, job.failures, job.attempt) == ("failed", 5, 5)
    assert job.error == "It stopped with an unexpected error (ValueError). It was tried 5 times and parked."


def test_a_failure_waits_longer_each_time(scope: int, handle: Callable[..., None]) -> None:
    def refuse(run: JobRun) -> None:
        raise RetryLaterError("The shop did not answer.")

    handle(refuse)
    job = enqueue()
    run_due_jobs()
    assert fresh(job).state == "queued"
    assert job.error == "The shop did not answer. It is tried again by itself."
    first = job.run_after - job.rung_at
    assert dt.timedelta(seconds=2) < first < dt.timedelta(seconds=6)
    db.session.execute(sa.update(Job).values(run_after=utc_now()))
    db.session.commit()
    run_due_jobs()
    assert fresh(job).run_after - job.rung_at > 2 * first


def test_a_broken_rule_is_not_tried_again(scope: int, handle: Callable[..., None]) -> None:
    def refuse(run: JobRun) -> None:
        raise DomainError("The file has no rows.")

    handle(refuse)
    job = enqueue()
    run_due_jobs()
    assert (fresh(job).state, job.error) == ("failed", "The file has no rows.")


def test_what_was_not_committed_is_undone_when_it_fails(scope: int, handle: Callable[..., None]) -> None:
    def work(run: JobRun) -> None:
        run.item("1", ok=True)
        run.checkpoint({"row": 1})
        run.commit(done=1)
        run.item("2", ok=True)
        run.checkpoint({"row": 2})
        raise RetryLaterError("Later.")

    handle(work)
    job = enqueue()
    run_due_jobs()
    assert (fresh(job).checkpoint, job.ok_items, job.done) == ({"row": 1}, 1, 1)


def test_it_goes_on_from_its_checkpoint(scope: int, handle: Callable[..., None]) -> None:
    starts: list[int] = []

    def work(run: JobRun) -> None:
        start = run.state.get("row", 0)
        starts.append(start)
        for row in range(start, 4):
            run.checkpoint({"row": row + 1})
            run.commit(done=row + 1)
            if len(starts) == 1 and row == 1:
                raise RetryLaterError("Later.", seconds=0)

    handle(work)
    job = enqueue(total=4)
    assert run_due_jobs() == 2
    assert starts == [0, 2]
    assert (fresh(job).state, job.done) == ("done", 4)


def test_a_taken_over_attempt_writes_nothing(scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: None)
    job = enqueue()
    zombie = JobRun(_claim(job.id) or pytest.fail("not claimed"))
    db.session.execute(sa.update(Job).values(lease_until=utc_now() - dt.timedelta(seconds=1)))
    db.session.commit()
    heir = JobRun(_claim(job.id) or pytest.fail("not taken over"))
    assert heir.attempt == zombie.attempt + 1
    zombie.item("9", ok=False, message="too late")
    with pytest.raises(LeaseLostError):
        zombie.commit(done=9)
    assert db.session.scalars(sa.select(JobItem)).all() == []
    heir.commit(done=1)
    with pytest.raises(LeaseLostError):
        zombie.finish()
    heir.finish()
    assert (fresh(job).done, job.state, job.failures) == (1, "done", 1)


def test_a_job_under_lease_is_not_taken(scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: None)
    job = enqueue()
    assert _claim(job.id) is not None
    assert _claim(job.id) is None


def test_a_job_whose_worker_dies_five_times_is_parked(scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: pytest.fail("a poison job ran a sixth time"))
    job = enqueue()
    for _ in range(5):
        assert _claim(job.id) is not None
        db.session.execute(sa.update(Job).values(lease_until=utc_now() - dt.timedelta(seconds=1)))
        db.session.commit()
    assert jobs.run_job(scope, job.id)
    assert fresh(job).state == "failed" and "parked" in (job.error or "")


def test_cancelling_a_waiting_job_ends_it(scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: pytest.fail("it ran"))
    job = enqueue()
    jobs.cancel(job.id, by=USER)
    db.session.commit()
    assert run_due_jobs() == 0
    with pytest.raises(ConflictError):
        jobs.cancel(job.id, by=USER)


def test_cancelling_a_running_job_stops_it_at_its_next_commit(
    scope: int, handle: Callable[..., None], app: Flask
) -> None:
    def work(run: JobRun) -> None:
        run.commit(done=1)
        with app.app_context(), merchant_scope(scope):
            jobs.cancel(run.id, by=USER)
            db.session.commit()
        run.commit(done=2)
        pytest.fail("it went on")

    handle(work)
    job = enqueue()
    run_due_jobs()
    assert (fresh(job).state, job.done) == ("cancelled", 2)


def test_a_cancelled_job_is_resumed(scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: None)
    job = enqueue(unique_key="one")
    jobs.cancel(job.id, by=USER)
    db.session.commit()
    jobs.resume(job.id, by=USER)
    db.session.commit()
    run_due_jobs()
    assert fresh(job).state == "done"
    with pytest.raises(ConflictError):
        jobs.resume(job.id, by=USER)


def test_it_resumes_no_job_whose_work_was_started_anew(scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: None)
    first = enqueue(unique_key="one")
    jobs.cancel(first.id, by=USER)
    db.session.commit()
    enqueue(unique_key="one")
    with pytest.raises(ConflictError, match="started again"):
        jobs.resume(first.id, by=USER)


def test_it_retries_the_rows_that_failed(scope: int, handle: Callable[..., None]) -> None:
    rows: list[list[str] | None] = []

    def work(run: JobRun) -> None:
        keys = run.failed_keys()
        rows.append(None if keys is None else list(keys))
        for key in ("1", "2", "3"):
            run.item(key, ok=key == "2", message="" if key == "2" else "No such product.")

    handle(work, retries_rows=True)
    job = enqueue()
    run_due_jobs()
    assert (fresh(job).ok_items, job.failed_items) == (1, 2)
    again = jobs.retry_failed_rows(job.id, by=USER)
    db.session.commit()
    run_due_jobs()
    assert rows == [None, ["1", "3"]]
    assert again.retry_of == job.id


def test_a_stopping_worker_puts_the_job_back(scope: int, handle: Callable[..., None]) -> None:
    def work(run: JobRun) -> None:
        run.checkpoint({"row": 10})
        jobs.stop_requested.set()
        run.commit(done=10)
        pytest.fail("it went on")

    handle(work)
    job = enqueue()
    try:
        run_due_jobs(at_most=1)
    finally:
        jobs.stop_requested.clear()
    assert (fresh(job).state, job.failures, job.checkpoint) == ("queued", 0, {"row": 10})


def test_progress_is_seen_from_outside_before_the_commit(
    scope: int, handle: Callable[..., None], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.core.jobs.run.PROGRESS_SECONDS", 0.0)
    seen: list[tuple[int, int | None, str | None]] = []

    def work(run: JobRun) -> None:
        run.progress(40, 100, "Reading")
        with app.app_context(), merchant_scope(scope):
            job = jobs.job_of(run.id)
            seen.append((job.done, job.total, job.note))

    handle(work)
    enqueue()
    run_due_jobs()
    assert seen == [(40, 100, "Reading")]


def test_a_merchant_sees_no_job_of_another(app: Flask, scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: None)
    job_id = enqueue().id
    stranger = make_merchant(app)
    db.session.rollback()
    with app.app_context(), merchant_scope(stranger):
        with pytest.raises(NotFoundError):
            jobs.job_of(job_id)
        assert _claim(job_id) is None


def test_the_sweeper_rings_for_what_nobody_heard(
    scope: int, handle: Callable[..., None], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle(lambda run: None)
    unheard, heard, lost = enqueue(), enqueue(), enqueue()
    _claim(lost.id)
    past = utc_now() - dt.timedelta(minutes=1)
    db.session.execute(sa.update(Job).where(Job.id == unheard.id).values(rung_at=past))
    db.session.execute(sa.update(Job).where(Job.id == lost.id).values(lease_until=past))
    db.session.commit()
    rung: list[int] = []
    monkeypatch.setattr(
        jobs.doorbell(), "ring", lambda queue, merchant, job, first=False: rung.append(job) or True
    )
    monkeypatch.setattr(jobs.doorbell(), "waiting", frozenset)
    wanted = (unheard.id, lost.id, heard.id)
    sweep()
    assert [each in rung for each in wanted] == [True, True, False]


def test_a_job_whose_bell_still_waits_is_not_rung_for_again(
    scope: int, handle: Callable[..., None], bells: Redis
) -> None:
    handle(lambda run: None)
    job_ids = [enqueue().id for _ in range(3)]
    past = utc_now() - dt.timedelta(minutes=1)
    db.session.execute(sa.update(Job).where(Job.id.in_(job_ids)).values(rung_at=past))
    db.session.commit()
    queue = f"rq:queue:{jobs.doorbell().queue_name('long')}"
    bells.lpop(queue)
    for _ in range(3):
        sweep()
    names = [name.decode().rpartition("-")[0] for name in bells.lrange(queue, 0, -1)]
    assert sorted(name for name in names if name.startswith(f"job-{scope}-")) == sorted(
        f"job-{scope}-{job_id}" for job_id in job_ids
    )


def test_the_bell_of_an_urgent_job_is_heard_first(
    scope: int, handle: Callable[..., None], bells: Redis
) -> None:
    handle(lambda run: None)
    handle(lambda run: None, name="test.soon", urgent=True)
    later, soon = enqueue(), jobs.enqueue("test.soon", by=USER)
    db.session.commit()
    waiting = bells.lrange(f"rq:queue:{jobs.doorbell().queue_name('long')}", 0, -1)
    assert [int(name.decode().split("-")[2]) for name in waiting] == [soon.id, later.id]


def test_events_are_rung_for_once_until_they_are_read(scope: int, bells: Redis) -> None:
    bell = jobs.doorbell()
    assert [bell.ring_for_events(scope) for _ in range(3)] == [True, False, False]
    assert jobs.events_bell(scope) in (bell.waiting() or ())
    assert bell.ring_for_events(scope, anew=True)


def test_old_jobs_are_tidied_away_with_their_rows(scope: int, handle: Callable[..., None]) -> None:
    handle(lambda run: run.item("1", ok=False, message="No."))
    old, recent = enqueue(), enqueue()
    run_due_jobs()
    db.session.execute(
        sa.update(Job).where(Job.id == old.id).values(finished_at=utc_now() - dt.timedelta(days=91))
    )
    db.session.commit()
    assert prune_jobs() == 1
    db.session.commit()
    assert {item.job_id for item in db.session.scalars(sa.select(JobItem))} == {recent.id}
