"""What privacy tests need: a ledger, two officers, and a person with an order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from portal.core.audit import Actor
from portal.core.database import db, merchant_scope
from portal.core.jobs import run_due_jobs
from portal.privacy.ledger import init_ledger
from portal.privacy.models import PrivacyRequest
from tests.privacy.planting import Planter, planted
from tests.support.people import Person


@pytest.fixture(autouse=True, scope="session")
def ledger(app: Flask) -> None:
    """The folder of the ledger, as set-up makes it."""
    with app.app_context():
        init_ledger()


@pytest.fixture
def officers(member: Callable[..., Person]) -> tuple[Person, Person]:
    """The one who records and the one who approves."""
    return member("compliance", name="Rosa Recorder"), member("compliance", name="Amir Approver")


@pytest.fixture
def actors(officers: tuple[Person, Person]) -> tuple[Actor, Actor]:
    return officers[0].actor, officers[1].actor


@pytest.fixture
def person(scope: int) -> Iterator[Planter]:
    """A subject with a row in every table that holds personal data, each value marked."""
    yield planted(scope)


@pytest.fixture
def work(app: Flask, merchant: int) -> Callable[[], int]:
    """Do what is queued for the merchant, as a worker would."""

    def run() -> int:
        db.session.commit()
        with app.app_context(), merchant_scope(merchant):
            done = run_due_jobs()
        db.session.expire_all()
        return done

    return run


@pytest.fixture
def previewed(scope: int, person: Planter, actors: tuple[Actor, Actor]) -> PrivacyRequest:
    """A request that waits for its approval."""
    from tests.privacy.requests import preview_request

    return preview_request(person.subject_id, by=actors[0])
