"""Legal holds: a person under one is not erased until two people say that the reason is gone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from portal.core.audit import Actor, record
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from portal.core.subjects import DataSubject
from portal.privacy.approving import start_erasure
from portal.privacy.evidence import add_evidence
from portal.privacy.models import LegalHold, PrivacyRequest, PrivacyRequestSubject
from portal.privacy.queries import active_holds, scope_of

LONGEST_REVIEW = dt.timedelta(days=366)


def place_hold(subject_id: int, *, reason: str, owner_id: int, review_on: dt.date, by: Actor) -> LegalHold:
    """Put a person under legal hold. An erasure that is running stops before its next batch.

    Raises:
        DomainError: it has no reason, or its review is past or too far away.
    """
    if len(reason.strip()) < 10:
        raise DomainError(
            "Say why this person's data must not be erased: the dispute, the court, the file number.",
            field="reason",
        )
    today = utc_now().date()
    if not today < review_on <= today + LONGEST_REVIEW:
        raise DomainError("Review a legal hold within a year, and not before tomorrow.", field="review_on")
    if by.kind != "user" or by.id is None:
        raise ForbiddenError("Only a person can do this.")
    # The lock waits for a batch in progress and is waited for by the next, which then sees the hold.
    locked = db.session.scalar(
        sa.select(DataSubject.id).where(DataSubject.id == subject_id).with_for_update()
    )
    if locked is None:
        raise NotFoundError("There is no such person.")
    hold = LegalHold(
        subject_id=subject_id, reason=reason.strip(), owner_id=owner_id, review_on=review_on, placed_by=by.id
    )
    db.session.add(hold)
    db.session.flush()
    for request in _erasures_of([subject_id], states=("scoped", "previewed", "approved")):
        before = request.state
        request.state = "held"
        add_evidence(request, "held", by=by, before=before, after="held", facts={"hold": hold.id})
    record(
        action="legal_hold.placed",
        by=by,
        subject=("legal_hold", hold.id),
        after={"review_on": review_on.isoformat()},
    )
    return hold


def ask_to_lift(hold_id: int, *, by: Actor) -> LegalHold:
    """The first of two: say that the reason is gone."""
    changed = db.session.scalar(
        sa.update(LegalHold)
        .where(LegalHold.id == hold_id, LegalHold.lifted_at.is_(None), LegalHold.lift_asked_by.is_(None))
        .values(lift_asked_by=by.id, lift_asked_at=utc_now())
        .returning(LegalHold.id),
        execution_options={"synchronize_session": False},
    )
    if changed is None:
        raise ConflictError("This legal hold was lifted, or somebody asked to lift it already.")
    record(action="legal_hold.lift_asked", by=by, subject=("legal_hold", hold_id))
    return _fresh(hold_id)


def lift_hold(hold_id: int, *, by: Actor) -> LegalHold:
    """The second of two: lift it. What it had stopped goes on by itself.

    Raises:
        ForbiddenError: the same person asked for it.
    """
    hold = _fresh(hold_id)
    if hold.lift_asked_by == by.id:
        raise ForbiddenError("You asked to lift this legal hold, so a second person must do it.")
    changed = db.session.scalar(
        sa.update(LegalHold)
        .where(
            LegalHold.id == hold_id,
            LegalHold.lifted_at.is_(None),
            LegalHold.lift_asked_by.is_not(None),
            LegalHold.lift_asked_by != by.id,
        )
        .values(lifted_by=by.id, lifted_at=utc_now())
        .returning(LegalHold.id),
        execution_options={"synchronize_session": False},
    )
    if changed is None:
        raise ConflictError("Nobody asked to lift this legal hold yet, or it is lifted already.")
    record(action="legal_hold.lifted", by=by, subject=("legal_hold", hold_id))
    for request in _erasures_of([hold.subject_id], states=("held",)):
        if active_holds(scope_of(request.id)):
            continue
        after = (
            "approved" if request.approver_id is not None else ("previewed" if request.preview else "scoped")
        )
        request.state = after
        add_evidence(request, "released", by=by, before="held", after=after, facts={"hold": hold_id})
        if after == "approved":
            start_erasure(request, by=by)
    return _fresh(hold_id)


def _erasures_of(subject_ids: Sequence[int], *, states: Sequence[str]) -> list[PrivacyRequest]:
    statement = (
        sa.select(PrivacyRequest)
        .join(
            PrivacyRequestSubject,
            sa.and_(
                PrivacyRequestSubject.merchant_id == PrivacyRequest.merchant_id,
                PrivacyRequestSubject.request_id == PrivacyRequest.id,
            ),
        )
        .where(
            PrivacyRequestSubject.subject_id.in_(subject_ids),
            PrivacyRequest.kind == "erasure",
            PrivacyRequest.state.in_(states),
        )
        .with_for_update(of=PrivacyRequest)
    )
    return list(db.session.scalars(statement).unique())


def _fresh(hold_id: int) -> LegalHold:
    hold = db.session.scalar(
        sa.select(LegalHold).where(LegalHold.id == hold_id).execution_options(populate_existing=True)
    )
    if hold is None:
        raise NotFoundError("There is no such legal hold.")
    return hold
