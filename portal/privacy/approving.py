"""An erasure is counted first, then approved by a second person, then run by a worker."""

from __future__ import annotations

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, ForbiddenError
from portal.core.jobs import enqueue
from portal.privacy.evidence import add_evidence, merchant
from portal.privacy.models import PrivacyRequest
from portal.privacy.moving import change, user_of, wrong_state
from portal.privacy.preview import build_preview, digest
from portal.privacy.queries import active_holds, scope_of
from portal.privacy.states import MOVES
from portal.privacy.telling import list_recipients


def make_preview(request: PrivacyRequest, *, by: Actor) -> None:
    """Count what the erasure would do, and ask for a second person; a person under legal hold stops it here."""
    if request.kind != "erasure":
        raise DomainError("Only an erasure has a preview.")
    before = request.state
    subjects = scope_of(request.id)
    preview = build_preview(request.merchant_id, subjects, country=merchant().country)
    after = "held" if active_holds(subjects) else "previewed"
    if after not in MOVES[before]:
        raise wrong_state(before)
    change(
        request,
        before,
        {
            "state": after,
            "preview": preview,
            "preview_digest": digest(preview),
            "previewed_at": utc_now(),
            "approver_id": None,
            "approved_at": None,
        },
    )
    facts = {
        "values": preview["values"],
        "kept_rows": preview["kept_rows"],
        "map_version": preview["map_version"],
    }
    add_evidence(request, "previewed", by=by, before=before, after=after, facts=facts)


def approve(request: PrivacyRequest, *, seen_digest: str, by: Actor) -> None:
    """A second person lets the erasure run. The database refuses the one who recorded it, whatever the code says.

    Raises:
        ForbiddenError: the approver recorded the request.
        ConflictError: the preview is not the one that was seen, or somebody decided meanwhile.
    """
    approver = user_of(by)
    if approver == request.requester_id:
        raise ForbiddenError("You recorded this request, so a second person must approve it.")
    if seen_digest != request.preview_digest:
        raise ConflictError(
            "The preview was made again since you opened this page. Read it and approve once more."
        )
    preview = build_preview(request.merchant_id, scope_of(request.id), country=merchant().country)
    if digest(preview) != seen_digest:
        raise ConflictError(
            "Data of this person changed since the preview. Make the preview again and read it."
        )
    changed = db.session.execute(
        sa.update(PrivacyRequest)
        .where(
            PrivacyRequest.id == request.id,
            PrivacyRequest.state == "previewed",
            PrivacyRequest.preview_digest == seen_digest,
            PrivacyRequest.requester_id != approver,
        )
        .values(state="approved", approver_id=approver, approved_at=utc_now())
        .returning(PrivacyRequest.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if changed is None:
        raise ConflictError("Somebody decided on this request meanwhile. Open it again.")
    db.session.refresh(request)
    add_evidence(
        request, "approved", by=by, before="previewed", after="approved", facts={"preview": seen_digest[:16]}
    )
    start_erasure(request, by=by)


def start_erasure(request: PrivacyRequest, *, by: Actor) -> None:
    """Ask a worker to run an approved erasure; asking twice is asking once."""
    list_recipients(request)
    job = enqueue("privacy.erase", {"request_id": request.id}, by=by, unique_key=f"request-{request.id}")
    request.job_id = job.id
    db.session.flush()


def resume(request: PrivacyRequest, *, by: Actor) -> None:
    """Let a worker go on with an erasure whose job was cancelled or failed for good.

    Raises:
        ConflictError: it is not running.
    """
    if request.kind != "erasure" or request.state not in {"approved", "running"}:
        raise wrong_state(request.state)
    start_erasure(request, by=by)
    add_evidence(request, "resumed", by=by)
