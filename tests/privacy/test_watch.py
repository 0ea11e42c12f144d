"""What comes round: officers are reminded in time, and what the law kept goes on its day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.audit import SYSTEM, Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError
from portal.core.jobs.models import Job
from portal.core.mail import Message, read_letter
from portal.privacy import services
from portal.privacy.alerts import send_alerts
from portal.privacy.jobs import watch_due
from portal.privacy.models import PrivacyRequest, RetainedRecord
from portal.privacy.queries import events_of, retained_of
from portal.privacy.retained import destroy_due_records, open_record
from portal.privacy.retention import LONGEST, RULES, rule_for
from tests.privacy.planting import Planter
from tests.privacy.requests import approved_request
from tests.privacy.test_ledger import apart
from tests.support.people import Person


def request_of(days_ago: int, by: Actor) -> PrivacyRequest:
    request = services.record_request(
        kind="access", law="ccpa", subject_id=None, received_at=utc_now() - dt.timedelta(days=days_ago), by=by
    )
    db.session.commit()
    return request


def test_officers_are_reminded_once_at_each_level(
    scope: int, actors: tuple[Actor, Actor], officers: tuple[Person, Person]
) -> None:
    request = request_of(24, actors[0])
    assert [send_alerts(by=SYSTEM) for _ in range(2)] == [1, 0]
    request.received_at = utc_now() - dt.timedelta(days=43)
    request.due_on = request.due_on - dt.timedelta(days=19)
    assert [send_alerts(by=SYSTEM) for _ in range(2)] == [1, 0]
    assert [event.facts["percent"] for event in events_of(request.id) if event.action == "alerted"] == [
        50,
        90,
    ]
    letters = [read_letter(message) for message in db.session.scalars(sa.select(Message))]
    assert {letter.to for letter in letters if letter} == {person.email for person in officers}
    assert all(f"request {request.id}" in letter.text for letter in letters if letter)


@pytest.mark.parametrize("days_ago", [0, 10])
def test_nobody_is_reminded_early(scope: int, actors: tuple[Actor, Actor], days_ago: int) -> None:
    request_of(days_ago, actors[0])
    assert send_alerts(by=SYSTEM) == 0


def test_an_overdue_request_is_told_too(scope: int, actors: tuple[Actor, Actor]) -> None:
    request_of(60, actors[0])
    assert send_alerts(by=SYSTEM) == 1


def test_a_restricted_record_is_destroyed_the_day_after_its_last(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    today = utc_now().date()
    first, second = (record.id for record in retained_of(request.id))
    for record_id, ends_on in ((first, today), (second, today - dt.timedelta(days=1))):
        db.session.execute(
            sa.update(RetainedRecord).where(RetainedRecord.id == record_id).values(ends_on=ends_on)
        )
    db.session.commit()
    assert destroy_due_records(by=SYSTEM) == 1
    db.session.commit()
    kept = {record.id: record.sealed for record in retained_of(request.id)}
    assert kept[first] is not None
    assert kept[second] is None
    with pytest.raises(ConflictError, match="destroyed"):
        open_record(second, reason="Tax audit of the year", by=actors[1])
    assert destroy_due_records(by=SYSTEM) == 0


def test_the_timetable_asks_for_each_merchant_once(app: Flask, scope: int, work: Callable[[], int]) -> None:
    db.session.commit()
    for _ in range(2):
        apart(app, watch_due)
    jobs = db.session.scalars(sa.select(Job).where(Job.kind == "privacy.watch")).all()
    assert len(jobs) == 1
    work()
    assert db.session.scalars(sa.select(Job.state).where(Job.kind == "privacy.watch")).all() == ["done"]


def test_every_country_has_its_term_and_an_unknown_one_the_longest() -> None:
    assert RULES["DE"].ends_on(dt.date(2025, 1, 1)) == dt.date(2033, 12, 31)
    assert RULES["FR"].ends_on(dt.date(2025, 12, 31)) == dt.date(2035, 12, 31)
    assert RULES["DK"].ends_on(dt.date(2025, 6, 30)) == dt.date(2030, 12, 31)
    assert rule_for("BR").years == LONGEST
    assert "not listed" in rule_for("BR").law
