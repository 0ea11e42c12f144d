"""What officers do with a request: record, identify, scope, carry out, refuse, answer. Each act is evidence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from portal.core import keyring, outbox
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.jobs import enqueue
from portal.core.reveal import log_export
from portal.core.subjects import DataSubject, object_to_marketing
from portal.privacy import deadlines
from portal.privacy.deadlines import rule_for
from portal.privacy.evidence import add_evidence, contact_aad, merchant, merchant_zone, note_aad
from portal.privacy.models import (
    IDENTITY_METHODS,
    REFUSAL_GROUNDS,
    PrivacyRequest,
    PrivacyRequestSubject,
    RetainedRecord,
)
from portal.privacy.moving import change, move, user_of, wrong_state
from portal.privacy.queries import scope_of
from portal.privacy.retained import empty
from portal.privacy.states import MOVES
from portal.privacy.telling import list_recipients, refuse_untold


def record_request(
    *,
    kind: str,
    law: str,
    subject_id: int | None,
    received_at: dt.datetime,
    by: Actor,
    contact: str = "",
    note: str = "",
) -> PrivacyRequest:
    """Open a request. Without a subject it is about a person nothing is known of yet.

    A second request for the same thing by the same person is refused with the number of the first.

    Raises:
        DomainError: the dates make no sense, or such a request is already open.
        NotFoundError: there is no such person.
    """
    if received_at > utc_now() + dt.timedelta(minutes=5):
        raise DomainError("A request cannot have been received in the future.", field="received_on")
    subject = _subject(subject_id)
    already = db.session.scalar(
        sa.select(PrivacyRequest.id).where(
            PrivacyRequest.subject_id == subject.id,
            PrivacyRequest.kind == kind,
            PrivacyRequest.state.not_in(("closed", "refused")),
        )
    )
    if already is not None:
        raise ConflictError(f"Request {already} already asks for this. Add what is new to its evidence.")
    zone = merchant_zone()
    rule = rule_for(law, kind)
    request = PrivacyRequest(
        kind=kind,
        law=law,
        subject_id=subject.id,
        received_at=received_at,
        requester_id=user_of(by),
        due_on=deadlines.due_on(rule, deadlines.day_of_receipt(received_at, zone)),
        country_code=merchant().country,
        identity_state="open" if rule.needs_identity else "not_needed",
    )
    db.session.add(request)
    db.session.flush()
    if contact.strip():
        request.contact_sealed = keyring.encrypt(
            contact.strip().encode(), contact_aad(request.id), subject.id
        )
    if note.strip():
        request.note_sealed = keyring.encrypt(note.strip().encode(), note_aad(request.id), subject.id)
    db.session.add(PrivacyRequestSubject(request_id=request.id, subject_id=subject.id, added_by=user_of(by)))
    add_evidence(
        request, "recorded", by=by, facts={"kind": kind, "law": law, "due_on": request.due_on.isoformat()}
    )
    if not rule.needs_identity:
        move(request, "received", "verified", by=by, action="identity_not_needed")
        move(request, "verified", "scoped", by=by, action="scoped", facts={"subjects": 1})
    return request


def verify_identity(request: PrivacyRequest, *, method: str, note: str, by: Actor) -> None:
    """Record how the person was identified. The clock does not wait for it."""
    if method not in IDENTITY_METHODS:
        raise DomainError("Choose how the person was identified.", field="method")
    change(
        request,
        "received",
        {
            "identity_state": "verified",
            "identity_method": method,
            "identity_by": user_of(by),
            "identity_at": utc_now(),
            "state": "verified",
        },
    )
    add_evidence(
        request,
        "identity_verified",
        by=by,
        before="received",
        after="verified",
        facts={"method": method},
        note=note,
    )


def set_scope(request: PrivacyRequest, subject_ids: Sequence[int], *, by: Actor) -> None:
    """Say who is meant: the person of the request, and the guest orders that are theirs too.

    Raises:
        NotFoundError: one of them is no person of this merchant.
    """
    wanted = sorted({request.subject_id, *subject_ids})
    known = set(db.session.scalars(sa.select(DataSubject.id).where(DataSubject.id.in_(wanted))))
    if known != set(wanted):
        raise NotFoundError("One of these people is not known here.")
    before = request.state
    if before not in {"verified", "scoped", "previewed", "approved", "held"}:
        raise wrong_state(before)
    db.session.execute(
        sa.delete(PrivacyRequestSubject).where(
            PrivacyRequestSubject.request_id == request.id,
            PrivacyRequestSubject.subject_id.not_in(wanted),
            PrivacyRequestSubject.erased_at.is_(None),
        )
    )
    rows = [
        {
            "merchant_id": request.merchant_id,
            "request_id": request.id,
            "subject_id": each,
            "added_by": user_of(by),
        }
        for each in wanted
    ]
    db.session.execute(insert(PrivacyRequestSubject).on_conflict_do_nothing(), rows)
    # A changed scope needs a new preview and a new approval.
    change(
        request,
        before,
        {
            "state": "scoped",
            "preview": None,
            "preview_digest": None,
            "previewed_at": None,
            "approver_id": None,
            "approved_at": None,
        },
    )
    add_evidence(request, "scoped", by=by, before=before, after="scoped", facts={"subjects": len(wanted)})


def note_download(request: PrivacyRequest, *, by: Actor) -> None:
    """Log that the copy of a person's data left the portal, before it does."""
    log_export(
        by,
        scope_of(request.id),
        case=("privacy_request", request.id),
        fields=["everything"],
        reason=f"copy for privacy request {request.id}",
    )
    add_evidence(request, "copy_downloaded", by=by)


def start_access_export(request: PrivacyRequest, *, by: Actor) -> None:
    """Ask a worker for the copy of everything that stands about the person."""
    if request.kind != "access":
        raise DomainError("Only an access request makes a copy.")
    if request.state == "running":
        raise ConflictError("The copy is being made.")
    move(request, "scoped", "running", by=by, action="export_started")
    job = enqueue(
        "privacy.access-export", {"request_id": request.id}, by=by, unique_key=f"request-{request.id}"
    )
    request.job_id = job.id
    db.session.flush()


def refuse(request: PrivacyRequest, *, ground: str, note: str, by: Actor) -> None:
    """Refuse with a ground of the law; nothing is refused without one."""
    if ground not in REFUSAL_GROUNDS:
        raise DomainError("Choose the ground of the refusal.", field="ground")
    before = request.state
    if "refused" not in MOVES[before]:
        raise wrong_state(before)
    change(
        request,
        before,
        {"state": "refused", "refusal_ground": ground, "outcome": "refused", "closed_at": utc_now()},
    )
    add_evidence(
        request, "refused", by=by, before=before, after="refused", facts={"ground": ground}, note=note
    )


def extend(request: PrivacyRequest, *, ground: str, by: Actor) -> None:
    """Take the longer term the law gives, once, and only while the person can still be told in time."""
    rule = rule_for(request.law, request.kind)
    zone = merchant_zone()
    received_on = deadlines.day_of_receipt(request.received_at, zone)
    if request.extended_at is not None:
        raise DomainError("This request was extended already.")
    if not deadlines.can_still_extend(rule, received_on, utc_now().astimezone(zone).date()):
        raise DomainError(
            f"{rule.source} allows no extension now: the person had to be told within the first term."
        )
    change(
        request,
        request.state,
        {
            "extended_at": utc_now(),
            "extension_ground": ground,
            "due_on": deadlines.extended_due_on(rule, received_on),
            "alerted_percent": 0,
        },
    )
    add_evidence(request, "extended", by=by, facts={"ground": ground, "due_on": request.due_on.isoformat()})


def acknowledge(request: PrivacyRequest, *, by: Actor) -> None:
    """Note that receipt was confirmed to the person."""
    change(request, request.state, {"acknowledged_at": utc_now()})
    add_evidence(request, "acknowledged", by=by)


def carry_out(request: PrivacyRequest, *, note: str, by: Actor) -> None:
    """Do what a restriction, an objection or a rectification asks, or note that it was done by hand."""
    if request.kind in {"erasure", "access"}:
        raise DomainError("An erasure and an access request are carried out by their job.")
    subjects = scope_of(request.id)
    if request.kind == "restriction":
        db.session.execute(
            sa.update(DataSubject)
            .where(DataSubject.id.in_(subjects), DataSubject.restricted_at.is_(None))
            .values(restricted_at=utc_now())
        )
    elif request.kind == "objection":
        object_to_marketing(subjects, by=by)
    for subject_id in subjects:
        outbox.publish(
            kind=f"subject.{request.kind}", key=str(subject_id), payload={"subject_id": subject_id}
        )
    if request.kind != "objection":
        # Those who received the data must hear of a correction and of a restriction too (GDPR article 19).
        list_recipients(request)
    move(
        request,
        "scoped",
        "answered",
        by=by,
        action="carried_out",
        note=note,
        values={"answered_at": utc_now()},
    )


def lift_restriction(request: PrivacyRequest, *, note: str, by: Actor) -> None:
    """Let the data of the people of a request be used again. The person is told before (GDPR article 18(3)).

    Raises:
        ConflictError: nothing of them is restricted.
    """
    lifted = db.session.scalars(
        sa.update(DataSubject)
        .where(DataSubject.id.in_(scope_of(request.id)), DataSubject.restricted_at.is_not(None))
        .values(restricted_at=None)
        .returning(DataSubject.id),
        execution_options={"synchronize_session": False},
    ).all()
    if not lifted:
        raise ConflictError("Nobody of this request is restricted any more.")
    for subject_id in lifted:
        outbox.publish(
            kind="subject.restriction_lifted", key=str(subject_id), payload={"subject_id": subject_id}
        )
    add_evidence(request, "restriction_lifted", by=by, note=note)


def answer(request: PrivacyRequest, *, note: str, by: Actor) -> None:
    """Note that the person was answered. An erasure with a recipient still to tell is not answered."""
    before = request.state
    if request.kind == "erasure":
        refuse_untold(request)
    if "answered" not in MOVES[before] or (request.kind == "erasure" and before != "third_parties"):
        raise wrong_state(before)
    move(request, before, "answered", by=by, action="answered", note=note, values={"answered_at": utc_now()})


def close(request: PrivacyRequest, *, by: Actor) -> None:
    """End a request that was answered; its evidence stays, the address it was answered to goes.

    Raises:
        DomainError: somebody who received the data was not told yet.
    """
    refuse_untold(request)
    outcome = {"erasure": "erased", "access": "copy_given"}.get(request.kind, "carried_out")
    move(
        request,
        "answered",
        "closed",
        by=by,
        action="closed",
        values={"closed_at": utc_now(), "outcome": outcome},
    )
    empty(
        list(
            db.session.scalars(
                sa.select(RetainedRecord.id).where(
                    RetainedRecord.request_id == request.id,
                    RetainedRecord.source_table == PrivacyRequest.__tablename__,
                )
            )
        )
    )


def _subject(subject_id: int | None) -> DataSubject:
    if subject_id is None:
        subject = DataSubject()
        db.session.add(subject)
        db.session.flush()
        return subject
    found = db.session.scalar(sa.select(DataSubject).where(DataSubject.id == subject_id))
    if found is None:
        raise NotFoundError("There is no such person.")
    if found.erased_at is not None:
        raise DomainError("This person was erased already; nothing stands about them.")
    return found
