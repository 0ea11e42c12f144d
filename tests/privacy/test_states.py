"""No path of the state machine erases or exports for a person who was not identified, and none skips a second person."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.privacy import services
from portal.privacy.models import KINDS, STATES, PrivacyRequest
from portal.privacy.states import LABELS, MOVES
from tests.privacy.requests import recorded_request

RISKY = {"verified", "scoped", "held", "previewed", "approved", "running", "third_parties"}


def test_every_state_is_named_and_moves_somewhere_that_exists() -> None:
    assert set(MOVES) == set(STATES) == set(LABELS)
    assert {state for moves in MOVES.values() for state in moves} <= set(STATES)


def test_every_walk_to_a_running_erasure_passes_identity_and_approval() -> None:
    def walks(state: str, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        if state == "running":
            return [path]
        return [walk for after in MOVES[state] if after not in path for walk in walks(after, (*path, after))]

    found = walks("received", ("received",))
    assert found
    assert all("verified" in walk for walk in found)
    # Only an access request goes from its scope to running; the database refuses an erasure that does.
    assert all("approved" in walk or walk[-2] == "scoped" for walk in found)


@pytest.mark.parametrize(
    ("kind", "state"), list(itertools.product([kind for kind in KINDS if kind != "objection"], sorted(RISKY)))
)
def test_the_database_refuses_progress_without_identity(
    scope: int, actors: tuple[Actor, Actor], kind: str, state: str
) -> None:
    request = recorded_request(None, by=actors[0], kind=kind)
    with pytest.raises(IntegrityError, match="identity|approved"):
        db.session.execute(
            sa.update(PrivacyRequest).where(PrivacyRequest.id == request.id).values(state=state)
        )
    db.session.rollback()


def test_an_objection_asks_for_no_identity(scope: int, actors: tuple[Actor, Actor]) -> None:
    request = recorded_request(None, by=actors[0], kind="objection", law="ccpa")
    assert (request.state, request.identity_state) == ("scoped", "not_needed")
    services.carry_out(request, note="", by=actors[0])
    assert request.state == "answered"


def test_a_refusal_needs_a_ground_and_ends_the_request(scope: int, actors: tuple[Actor, Actor]) -> None:
    request = recorded_request(None, by=actors[0])
    with pytest.raises(DomainError):
        services.refuse(request, ground="", note="", by=actors[1])
    services.refuse(request, ground="unfounded", note="Third time this week", by=actors[1])
    assert (request.state, request.outcome) == ("refused", "refused")
    with pytest.raises(ConflictError):
        services.refuse(request, ground="unfounded", note="", by=actors[1])
