"""The timetable: each entry once per interval, whoever runs it; and what it sets going."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.config import Settings, SettingsError
from portal.core import audit, storage
from portal.core.audit.models import AuditSeal
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.jobs import Job, run_due_jobs
from portal.core.scheduler import Entry, ScheduledTask, run_due
from portal.core.storage import StoredFile
from portal.operations.platform import TASK_WORDS
from portal.stock.jobs import look_every, verify_due
from tests.support.waiting import settle
from workers.schedule import TIMETABLE, ring_for_all_unread_events
from workers.upkeep import enqueue_sealing, enqueue_tidying, make_partitions


@pytest.fixture
def nowhere(app: Flask) -> Iterator[None]:
    """An app context without a merchant, as the scheduler has it."""
    with app.app_context():
        yield


def entry(calls: list[str], *, every: float = 60, fail: bool = False) -> Entry:
    name = f"test.{uuid.uuid4().hex[:8]}"

    def run() -> None:
        calls.append(name)
        if fail:
            raise ValueError("jane@example.com")

    return Entry(name, dt.timedelta(seconds=every), run)


def test_an_entry_runs_once_per_interval_whoever_asks(nowhere: None) -> None:
    calls: list[str] = []
    due = entry(calls)
    assert run_due((due,)) == [due.name]
    assert run_due((due,)) == []
    db.session.execute(
        sa.update(ScheduledTask).where(ScheduledTask.name == due.name).values(next_at=utc_now())
    )
    db.session.commit()
    assert run_due((due,)) == [due.name]
    assert len(calls) == 2


def test_an_interval_that_is_made_shorter_counts_at_once(nowhere: None) -> None:
    calls: list[str] = []
    daily = entry(calls, every=86_400)
    assert run_due((daily,)) == [daily.name]
    hourly = dataclasses.replace(daily, every=lambda: dt.timedelta(hours=1))
    assert run_due((hourly,)) == [daily.name]
    assert run_due((hourly,)) == []


def test_the_operator_says_how_often_the_stock_is_verified(
    app: Flask, merchant: int, process_environment: dict[str, str]
) -> None:
    before = app.config["SETTINGS"]
    with app.app_context():
        assert look_every() == dt.timedelta(hours=1)
        for minutes, asked in ((0, 0), (5, 1)):
            app.config["SETTINGS"] = dataclasses.replace(before, verify_stock_minutes=minutes)
            verify_due()
            with merchant_scope(merchant):
                found = db.session.scalars(sa.select(Job).where(Job.kind == "stock.verify")).all()
            assert len(found) == asked
            db.session.rollback()
        assert look_every() == dt.timedelta(minutes=5)
    app.config["SETTINGS"] = before
    for text in ("4", "10081", "-1", "often"):
        with pytest.raises(SettingsError, match="VERIFY_STOCK_MINUTES"):
            Settings.from_environment(process_environment | {"VERIFY_STOCK_MINUTES": text})


def test_an_entry_that_fails_holds_up_no_other_and_says_so(nowhere: None) -> None:
    calls: list[str] = []
    bad, good = entry(calls, fail=True), entry(calls)
    run_due((bad, good))
    assert calls == [bad.name, good.name]
    rows = {row.name: row.error for row in db.session.scalars(sa.select(ScheduledTask))}
    assert (rows[bad.name], rows[good.name]) == ("ValueError", None)


def test_every_entry_of_the_timetable_runs(nowhere: None) -> None:
    for each in TIMETABLE:
        each.run()
        db.session.rollback()
    assert {each.name for each in TIMETABLE} >= {
        "jobs.sweep",
        "outbox.ring",
        "audit.seal",
        "partitions",
        "tidy",
    }


def test_the_platform_page_says_what_each_entry_is_for() -> None:
    assert set(TASK_WORDS) == {each.name for each in TIMETABLE}


def test_the_sweeper_comes_round_within_ten_seconds() -> None:
    assert max(each.every for each in TIMETABLE if each.name == "jobs.sweep") <= dt.timedelta(seconds=10)


def test_partitions_are_made_by_upkeep(nowhere: None) -> None:
    make_partitions()
    bounds = db.session.scalars(sa.text("SELECT name FROM partition_bounds('outbox_event'::regclass)")).all()
    assert f"outbox_event_m{utc_now():%Y%m}" in bounds


def test_the_log_is_sealed_by_a_job(app: Flask, merchant: int) -> None:
    with app.app_context(), merchant_scope(merchant):
        audit.record("a.b", by=audit.SYSTEM, subject=("thing", 1))
        db.session.commit()
    with app.app_context():
        settle()
        enqueue_sealing()
    with app.app_context(), merchant_scope(merchant):
        run_due_jobs()
        assert db.session.scalars(sa.select(AuditSeal)).all() != []


def test_expired_files_are_tidied_away(app: Flask, merchant: int) -> None:
    with app.app_context(), merchant_scope(merchant):
        storage.put("exports/1", b"x", expires_at=utc_now() - dt.timedelta(minutes=1))
        db.session.commit()
    with app.app_context():
        enqueue_tidying()
    with app.app_context(), merchant_scope(merchant):
        run_due_jobs()
        assert db.session.scalars(sa.select(StoredFile)).all() == []
        assert db.session.scalars(sa.select(Job.state).where(Job.kind == "upkeep.tidy")).all() == ["done"]


def test_upkeep_is_not_queued_twice(app: Flask, merchant: int) -> None:
    with app.app_context():
        enqueue_tidying()
        enqueue_tidying()
    with app.app_context(), merchant_scope(merchant):
        assert len(db.session.scalars(sa.select(Job.id).where(Job.kind == "upkeep.tidy")).all()) == 1


def test_ringing_for_events_needs_no_merchant(nowhere: None) -> None:
    assert ring_for_all_unread_events() >= 0
