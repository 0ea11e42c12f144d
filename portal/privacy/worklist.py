"""The figures above the worklist."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.reveal import Volume, volumes
from portal.privacy import queries
from portal.privacy.evidence import merchant_zone
from portal.privacy.models import LegalHold, PrivacyRequest
from portal.privacy.states import OPEN


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures above the worklist."""

    open: int
    overdue: int
    due_this_week: int
    to_approve: int
    holds_to_review: int
    unusual: list[Volume]
    names: dict[int, str]


def worklist_summary() -> Summary:
    """How many requests wait, and who looked at unusually many people."""
    today = utc_now().astimezone(merchant_zone()).date()
    waiting = PrivacyRequest.state.in_(OPEN - {"answered"})
    counted = db.session.execute(
        sa.select(
            sa.func.count().filter(waiting),
            sa.func.count().filter(waiting, PrivacyRequest.due_on < today),
            sa.func.count().filter(
                waiting, PrivacyRequest.due_on >= today, PrivacyRequest.due_on <= today + dt.timedelta(days=7)
            ),
            sa.func.count().filter(PrivacyRequest.state == "previewed"),
        )
        .select_from(PrivacyRequest)
        .where(PrivacyRequest.merchant_id == current_merchant_id(), PrivacyRequest.state.in_(OPEN))
    ).one()
    to_review = (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(LegalHold)
            .where(
                LegalHold.merchant_id == current_merchant_id(),
                LegalHold.lifted_at.is_(None),
                LegalHold.review_on <= today,
            )
        )
        or 0
    )
    unusual = [each for each in volumes() if each.is_unusual]
    return Summary(*counted, to_review, unusual, queries.user_names([each.actor_id for each in unusual]))
