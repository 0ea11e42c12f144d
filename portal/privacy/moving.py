"""How a request moves from state to state: a conditional update that names the state it leaves, and its evidence."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, ForbiddenError
from portal.privacy.evidence import add_evidence
from portal.privacy.models import PrivacyRequest
from portal.privacy.states import MOVES


def move(
    request: PrivacyRequest,
    before: str,
    after: str,
    *,
    by: Actor,
    action: str,
    facts: dict[str, Any] | None = None,
    note: str = "",
    values: dict[str, Any] | None = None,
) -> None:
    """Go on to a state, with evidence.

    Raises:
        ConflictError: the request stands elsewhere, or somebody moved it on meanwhile.
    """
    if after not in MOVES[before]:
        raise wrong_state(before)
    change(request, before, {"state": after, **(values or {})})
    add_evidence(request, action, by=by, before=before, after=after, facts=facts, note=note)


def change(request: PrivacyRequest, before: str, values: dict[str, Any]) -> None:
    """Set values of a request that is still in the state it was seen in.

    Raises:
        ConflictError: it is not.
    """
    changed = db.session.scalar(
        sa.update(PrivacyRequest)
        .where(PrivacyRequest.id == request.id, PrivacyRequest.state == before)
        .values(**values)
        .returning(PrivacyRequest.id),
        execution_options={"synchronize_session": False},
    )
    if changed is None:
        raise ConflictError("Somebody moved this request on meanwhile. Open it again.")
    db.session.refresh(request)


def user_of(by: Actor) -> int:
    """The person who acts; neither jobs nor programs decide on people's data.

    Raises:
        ForbiddenError: it is no person.
    """
    if by.kind != "user" or by.id is None:
        raise ForbiddenError("Only a person can do this.")
    return by.id


def wrong_state(state: str) -> ConflictError:
    """What to raise when an act does not fit the state."""
    return ConflictError(
        f"This cannot be done while the request is {state.replace('_', ' ')}. Open it again to see where it stands."
    )
