"""Requests brought to a state by the services that bring real ones there."""

from __future__ import annotations

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.privacy import approving, services
from portal.privacy.models import PrivacyRequest


def recorded_request(
    subject_id: int | None, *, by: Actor, kind: str = "erasure", law: str = "gdpr", contact: str = ""
) -> PrivacyRequest:
    request = services.record_request(
        kind=kind, law=law, subject_id=subject_id, received_at=utc_now(), by=by, contact=contact
    )
    db.session.commit()
    return request


def scoped_request(
    subject_id: int | None, *, by: Actor, kind: str = "erasure", others: tuple[int, ...] = ()
) -> PrivacyRequest:
    request = recorded_request(subject_id, by=by, kind=kind)
    services.verify_identity(request, method="email_reply", note="They answered the code.", by=by)
    services.set_scope(request, others, by=by)
    db.session.commit()
    return request


def preview_request(subject_id: int, *, by: Actor, others: tuple[int, ...] = ()) -> PrivacyRequest:
    request = scoped_request(subject_id, by=by, others=others)
    approving.make_preview(request, by=by)
    db.session.commit()
    return request


def approved_request(
    subject_id: int, *, by: Actor, approver: Actor, others: tuple[int, ...] = ()
) -> PrivacyRequest:
    request = preview_request(subject_id, by=by, others=others)
    assert request.preview_digest is not None
    approving.approve(request, seen_digest=request.preview_digest, by=approver)
    db.session.commit()
    return request
