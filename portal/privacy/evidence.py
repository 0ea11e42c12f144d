"""The evidence of a request, what binds its sealed fields, and the merchant whose clock it follows."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.core import keyring
from portal.core.audit import Actor, record
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.privacy.models import PrivacyRequest, PrivacyRequestEvent
from portal.privacy.retained import keep_apart

EVIDENCE_YEARS: Final = 3
NOTES: Final = PrivacyRequestEvent.__tablename__


def add_evidence(
    request: PrivacyRequest,
    action: str,
    *,
    by: Actor,
    before: str | None = None,
    after: str | None = None,
    facts: dict[str, Any] | None = None,
    note: str = "",
) -> None:
    """Add an entry to the evidence and to the audit log.

    What was typed is sealed under the person's key; after the erasure it goes into a restricted record instead.
    """
    event = PrivacyRequestEvent(
        request_id=request.id,
        action=action,
        actor_kind=by.kind,
        actor_id=by.id,
        from_state=before,
        to_state=after,
        facts=facts or {},
    )
    if note.strip():
        event_id: int = db.session.execute(sa.select(sa.func.new_id(sa.func.now()))).scalar_one()
        event.id = event_id
        try:
            event.note_sealed = keyring.encrypt(
                note.strip().encode(), event_aad(event_id), request.subject_id
            )
        except keyring.KeyDestroyedError:
            key = {"id": event_id}
            keep_apart(request, NOTES, key, {"note": note.strip()}, until=_evidence_until())
    db.session.add(event)
    record(
        action=f"privacy_request.{action}",
        by=by,
        subject=("privacy_request", request.id),
        before={"state": before} if before else {},
        after={"state": after or request.state, **(facts or {})},
    )
    db.session.flush()


def _evidence_until() -> dt.date:
    """The last day a merchant may have to prove how a request was answered."""
    return dt.date(utc_now().year + EVIDENCE_YEARS, 12, 31)


def contact_aad(request_id: int) -> str:
    return f"privacy_request:{request_id}:contact"


def note_aad(request_id: int) -> str:
    return f"privacy_request:{request_id}:note"


def event_aad(event_id: int) -> str:
    return f"privacy_request_event:{event_id}:note"


def merchant() -> Merchant:
    """The merchant in scope.

    Raises:
        NotFoundError: the platform has no merchant of its own.
    """
    found = db.session.get(Merchant, current_merchant_id())
    if found is None:
        raise NotFoundError("There is no such merchant.")
    return found


def merchant_zone() -> ZoneInfo:
    """The time zone days are counted in."""
    return ZoneInfo(merchant().time_zone)
