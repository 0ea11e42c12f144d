"""What the screens and the jobs read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from portal.accounts.models import User
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.core.jobs.models import Job
from portal.core.reveal import PersonalDataView
from portal.core.storage.models import StoredFile
from portal.core.subjects import DataSubject
from portal.privacy.models import (
    ErasureCertificate,
    LegalHold,
    PrivacyRequest,
    PrivacyRequestEvent,
    PrivacyRequestSubject,
    RecipientTask,
    RetainedRecord,
    Suppression,
)
from portal.privacy.states import OPEN

WORKLIST: int = 50
VIEWS: int = 200


@dataclass(frozen=True, slots=True)
class Sighting:
    """Somebody saw a person: who, in which case, when, how often and why."""

    id: int
    actor_id: int
    kind: str
    case_kind: str
    case_id: int
    fields: list[str]
    reason: str | None
    first_at: dt.datetime
    last_at: dt.datetime
    times: int


def scope_of(request_id: int) -> list[int]:
    """The subjects of a request."""
    return list(
        db.session.scalars(
            sa.select(PrivacyRequestSubject.subject_id)
            .where(PrivacyRequestSubject.request_id == request_id)
            .order_by(PrivacyRequestSubject.subject_id)
        )
    )


def active_holds(subject_ids: Sequence[int]) -> list[LegalHold]:
    """The legal holds that stand on any of the people."""
    return list(
        db.session.scalars(
            sa.select(LegalHold)
            .where(LegalHold.subject_id.in_(subject_ids), LegalHold.lifted_at.is_(None))
            .order_by(LegalHold.id)
        )
    )


def is_any_restricted(subject_ids: Sequence[int]) -> bool:
    """Whether the use of data of any of the people is restricted."""
    statement = sa.select(DataSubject.id).where(
        DataSubject.id.in_(subject_ids), DataSubject.restricted_at.is_not(None)
    )
    return db.session.scalar(statement.limit(1)) is not None


def worklist(limit: int = WORKLIST) -> list[PrivacyRequest]:
    """Open requests, the most urgent first; those already answered come last."""
    return list(
        db.session.scalars(
            sa.select(PrivacyRequest)
            .where(PrivacyRequest.state.in_(OPEN))
            .order_by(PrivacyRequest.state == "answered", PrivacyRequest.due_on, PrivacyRequest.id)
            .limit(limit)
        )
    )


def events_of(request_id: int) -> list[PrivacyRequestEvent]:
    """The evidence, oldest first."""
    return list(
        db.session.scalars(
            sa.select(PrivacyRequestEvent)
            .where(PrivacyRequestEvent.request_id == request_id)
            .order_by(PrivacyRequestEvent.id)
        )
    )


def recipients_of(request_id: int) -> list[RecipientTask]:
    return list(
        db.session.scalars(
            sa.select(RecipientTask)
            .where(RecipientTask.request_id == request_id)
            .order_by(RecipientTask.recipient)
        )
    )


def certificate_of(request_id: int) -> ErasureCertificate | None:
    return db.session.scalar(sa.select(ErasureCertificate).where(ErasureCertificate.request_id == request_id))


def retained_of(request_id: int) -> list[RetainedRecord]:
    """What the law keeps of the people of a request."""
    return list(
        db.session.scalars(
            sa.select(RetainedRecord)
            .where(RetainedRecord.request_id == request_id)
            .order_by(RetainedRecord.ends_on, RetainedRecord.id)
        )
    )


def copy_of(request: PrivacyRequest) -> StoredFile:
    """The file of an access request.

    Raises:
        NotFoundError: it is not made, or its time is up.
    """
    stored = None
    if request.kind == "access" and request.job_id is not None:
        stored = db.session.scalar(
            sa.select(StoredFile)
            .join(
                Job, sa.and_(Job.merchant_id == StoredFile.merchant_id, Job.result_file_id == StoredFile.id)
            )
            .where(
                Job.id == request.job_id,
                sa.or_(StoredFile.expires_at.is_(None), StoredFile.expires_at > utc_now()),
            )
        )
    if stored is None:
        raise NotFoundError("There is no copy, or its time is up. Record a new request to make another.")
    return stored


def holds(*, lifted: bool = False) -> list[LegalHold]:
    """Legal holds, those to review soonest first."""
    condition = LegalHold.lifted_at.is_not(None) if lifted else LegalHold.lifted_at.is_(None)
    return list(
        db.session.scalars(
            sa.select(LegalHold).where(condition).order_by(LegalHold.review_on, LegalHold.id).limit(WORKLIST)
        )
    )


def suppression_counts() -> dict[str, int]:
    """How many identifiers of each kind are suppressed."""
    statement = (
        sa.select(Suppression.kind, sa.func.count())
        .where(Suppression.merchant_id == current_merchant_id())
        .group_by(Suppression.kind)
    )
    return {row[0]: row[1] for row in db.session.execute(statement)}


def sightings_of(subject_ids: Sequence[int]) -> list[Sighting]:
    """Who saw these people, newest first."""
    view = PersonalDataView
    rows = db.session.scalars(
        sa.select(view).where(view.subject_id.in_(subject_ids)).order_by(view.id.desc()).limit(VIEWS)
    )
    return [
        Sighting(
            row.id,
            row.actor_id,
            row.kind,
            row.case_kind,
            row.case_id,
            row.fields,
            row.reason,
            row.window_start,
            row.last_at,
            row.times,
        )
        for row in rows
    ]


def user_names(user_ids: Sequence[int | None]) -> dict[int, str]:
    """Names of users by id, for the people who work here."""
    wanted = {user for user in user_ids if user is not None}
    if not wanted:
        return {}
    return {
        row.id: row.name
        for row in db.session.execute(sa.select(User.id, User.name).where(User.id.in_(wanted)))
    }
