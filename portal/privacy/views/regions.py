"""What pages of other domains show of privacy: a person's requests and holds, the officer's worklist at home."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response

from portal.accounts.access import requires
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.http import render_region
from portal.privacy import deadlines, queries
from portal.privacy.evidence import merchant_zone
from portal.privacy.listings import days_left_in_words
from portal.privacy.models import PrivacyRequest, PrivacyRequestSubject
from portal.privacy.states import KIND_LABELS
from portal.privacy.views import bp

HOME_ROWS = 8


@bp.get("/regions/worklist")
@requires("privacy.view")
def worklist_region() -> Response:
    zone, now = merchant_zone(), utc_now()
    rows = [(found, deadlines.days_left(found.due_on, now, zone)) for found in queries.worklist(HOME_ROWS)]
    shown = [
        {"request": found, "left": left, "words": days_left_in_words(left), "kind": KIND_LABELS[found.kind]}
        for found, left in rows
    ]
    return render_region("privacy/_worklist.html", title="Privacy requests", rows=shown)


@bp.get("/regions/people/<int:subject_id>")
@requires("privacy.request")
def person_region(subject_id: int) -> Response:
    requests = db.session.scalars(
        sa.select(PrivacyRequest)
        .join(
            PrivacyRequestSubject,
            sa.and_(
                PrivacyRequestSubject.merchant_id == PrivacyRequest.merchant_id,
                PrivacyRequestSubject.request_id == PrivacyRequest.id,
            ),
        )
        .where(PrivacyRequestSubject.subject_id == subject_id)
        .order_by(PrivacyRequest.id.desc())
        .limit(10)
    ).all()
    return render_region(
        "privacy/_person.html",
        title="Privacy",
        subject_id=subject_id,
        requests=requests,
        holds=queries.active_holds([subject_id]),
        kinds=KIND_LABELS,
    )
