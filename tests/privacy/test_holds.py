"""Legal holds: placed before, between and during an erasure; two people lift one, and the work goes on by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError, ForbiddenError
from portal.privacy import approving, holds
from portal.privacy.erasure import run_erasure
from portal.privacy.models import LegalHold
from portal.privacy.preview import remaining
from portal.privacy.queries import certificate_of
from tests.privacy.planting import Planter
from tests.privacy.requests import approved_request, preview_request, scoped_request
from tests.privacy.scanning import hits_in_database
from tests.support import databases
from tests.support.people import Person

JOB = Actor("job", 1, "job")


def place(subject_id: int, by: Actor) -> LegalHold:
    hold = holds.place_hold(
        subject_id,
        reason="Claim 12/26 before the county court",
        owner_id=by.id or 0,
        review_on=utc_now().date() + dt.timedelta(days=90),
        by=by,
    )
    db.session.commit()
    return hold


def lift(hold: LegalHold, first: Actor, second: Actor) -> None:
    holds.ask_to_lift(hold.id, by=first)
    holds.lift_hold(hold.id, by=second)
    db.session.commit()


def test_a_hold_before_the_preview_stops_the_request(
    scope: int, person: Planter, actors: tuple[Actor, Actor]
) -> None:
    place(person.subject_id, actors[0])
    request = scoped_request(person.subject_id, by=actors[0])
    approving.make_preview(request, by=actors[0])
    assert request.state == "held"
    with pytest.raises(ConflictError):
        approving.approve(request, seen_digest=request.preview_digest or "", by=actors[1])


def test_a_hold_after_the_approval_keeps_every_value_and_lifting_it_lets_the_work_go_on(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
    database: databases.MadeDatabase,
) -> None:
    before = remaining(scope, [person.subject_id])
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    hold = place(person.subject_id, actors[0])
    work()
    db.session.refresh(request)
    assert request.state == "held"
    # The reason of the hold is one value more about the person.
    assert remaining(scope, [person.subject_id]) == before | {
        "privacy_legal_hold": before["privacy_legal_hold"] + 1
    }
    lift(hold, actors[0], actors[1])
    work()
    db.session.refresh(request)
    assert request.state == "third_parties"
    assert hits_in_database(database, person.needle) == set()


def test_a_hold_in_the_middle_stops_before_the_next_batch(
    app: Flask,
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
    database: databases.MadeDatabase,
) -> None:
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    commits = 0

    def commit() -> None:
        nonlocal commits
        db.session.commit()
        commits += 1
        if commits == 4:
            with app.app_context(), merchant_scope(scope):
                place(person.subject_id, actors[0])

    assert run_erasure(request.id, by=JOB, commit=commit, progress=lambda done, total, table: None) is None
    db.session.refresh(request)
    assert request.state == "held"
    left = remaining(scope, [person.subject_id])
    assert left, "something must be left that the hold kept"
    work()
    assert remaining(scope, [person.subject_id]) == left
    hold = holds.active_holds([person.subject_id])[0]
    lift(hold, actors[0], actors[1])
    work()
    assert certificate_of(request.id) is not None
    assert hits_in_database(database, person.needle) == set()


def test_one_person_cannot_lift_a_hold_alone(
    scope: int, person: Planter, actors: tuple[Actor, Actor]
) -> None:
    hold = place(person.subject_id, actors[0])
    with pytest.raises(ConflictError):
        holds.lift_hold(hold.id, by=actors[1])
    holds.ask_to_lift(hold.id, by=actors[0])
    with pytest.raises(ForbiddenError):
        holds.lift_hold(hold.id, by=actors[0])
    with pytest.raises(ConflictError):
        holds.ask_to_lift(hold.id, by=actors[1])
    db.session.commit()
    with pytest.raises(IntegrityError, match="two_people_lift"):
        db.session.execute(
            sa.update(LegalHold)
            .where(LegalHold.id == hold.id)
            .values(lifted_by=hold.lift_asked_by, lifted_at=utc_now())
        )
    db.session.rollback()


def test_a_second_hold_keeps_the_first_lifting_from_starting_anything(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    request = preview_request(person.subject_id, by=actors[0])
    first, _ = place(person.subject_id, actors[0]), place(person.subject_id, actors[1])
    lift(first, actors[0], actors[1])
    db.session.refresh(request)
    assert request.state == "held"


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_hold_needs_a_review_within_a_year(
    scope: int, person: Planter, actors: tuple[Actor, Actor], days: int
) -> None:
    with pytest.raises(DomainError, match="within a year"):
        holds.place_hold(
            person.subject_id,
            reason="Claim 12/26 before the court",
            owner_id=1,
            review_on=utc_now().date() + dt.timedelta(days=days),
            by=actors[0],
        )


def test_nobody_but_a_person_places_a_hold(
    scope: int, person: Planter, officers: tuple[Person, Person]
) -> None:
    with pytest.raises(ForbiddenError):
        holds.place_hold(
            person.subject_id,
            reason="Claim 12/26 before the court",
            owner_id=1,
            review_on=utc_now().date() + dt.timedelta(days=10),
            by=JOB,
        )
