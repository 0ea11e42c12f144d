"""Those who received a person's data and must hear what became of it (GDPR articles 17(2) and 19)."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError, NotFoundError
from portal.privacy.evidence import add_evidence
from portal.privacy.models import RECIPIENT_STATES, PrivacyRequest, RecipientTask
from portal.privacy.moving import user_of
from portal.privacy.queries import scope_of
from portal.privacy.recipients import recipient_names


def list_recipients(request: PrivacyRequest) -> None:
    """Note everybody who is known to have received data of the people of the request."""
    for name in recipient_names(request.merchant_id, scope_of(request.id)):
        db.session.execute(
            insert(RecipientTask)
            .values(merchant_id=request.merchant_id, request_id=request.id, recipient=name)
            .on_conflict_do_nothing()
        )


def settle_recipient(request: PrivacyRequest, task_id: int, *, state: str, by: Actor) -> None:
    """Note what a recipient said; when nobody is left to tell, the request can be answered."""
    if state not in RECIPIENT_STATES:
        raise DomainError("Choose what the recipient said.", field="state")
    open_states = ("open", "failed")
    changed = db.session.scalar(
        sa.update(RecipientTask)
        .where(RecipientTask.id == task_id, RecipientTask.request_id == request.id)
        .values(state=state, settled_at=None if state in open_states else utc_now(), settled_by=user_of(by))
        .returning(RecipientTask.recipient),
        execution_options={"synchronize_session": False},
    )
    if changed is None:
        raise NotFoundError("There is no such recipient on this request.")
    add_evidence(request, "recipient", by=by, facts={"recipient": changed, "state": state})


def add_recipient(request: PrivacyRequest, name: str, *, by: Actor) -> None:
    """Add a company that received the data and that no channel or gateway told us of."""
    if not name.strip() or request.state in {"answered", "closed", "refused"}:
        raise DomainError("Name the recipient, while the request is open.", field="recipient")
    db.session.execute(
        insert(RecipientTask)
        .values(merchant_id=request.merchant_id, request_id=request.id, recipient=name.strip()[:120])
        .on_conflict_do_nothing()
    )
    add_evidence(request, "recipient", by=by, facts={"recipient": name.strip()[:120], "state": "open"})


def refuse_untold(request: PrivacyRequest) -> None:
    """Let nothing end while somebody is still to be told.

    Raises:
        DomainError: somebody is.
    """
    waiting = db.session.scalar(
        sa.select(RecipientTask.id)
        .where(RecipientTask.request_id == request.id, RecipientTask.state.in_(("open", "failed")))
        .limit(1)
    )
    if waiting:
        raise DomainError("Some recipients have not confirmed yet. Settle each of them first.")
