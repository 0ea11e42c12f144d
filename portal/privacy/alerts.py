"""Tell officers of deadlines that come near: at half, three quarters and nine tenths of the term."""

from __future__ import annotations

import sqlalchemy as sa

from portal.accounts.models import Membership, RolePermission, User
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.mail import send_mail
from portal.privacy import deadlines
from portal.privacy.evidence import add_evidence, merchant_zone
from portal.privacy.models import PrivacyRequest
from portal.privacy.states import KIND_LABELS, OPEN


def send_alerts(*, by: Actor) -> int:
    """Mail every officer about each open request that reached its next level; answers how many requests."""
    zone, now, alerted = merchant_zone(), utc_now(), 0
    waiting = (
        sa.select(PrivacyRequest)
        .where(PrivacyRequest.state.in_(OPEN - {"answered"}))
        .order_by(PrivacyRequest.due_on)
    )
    for request in db.session.scalars(waiting):
        used = deadlines.percent_used(request.received_at, request.due_on, now, zone)
        level = deadlines.alert_due(used, request.alerted_percent)
        if level is None:
            continue
        request.alerted_percent = level
        add_evidence(request, "alerted", by=by, facts={"percent": level})
        left = deadlines.days_left(request.due_on, now, zone)
        for email, locale in officers():
            send_mail(
                template="privacy_deadline",
                to=email,
                locale=locale,
                about=("privacy_request", request.id),
                context={
                    "request_id": request.id,
                    "kind": KIND_LABELS[request.kind].lower(),
                    "due_on": request.due_on.isoformat(),
                    "days_left": left,
                },
            )
        alerted += 1
    return alerted


def officers() -> list[tuple[str, str]]:
    """E-mail and language of everybody who may edit privacy requests."""
    statement = (
        sa.select(User.email, User.locale)
        .join(Membership, Membership.user_id == User.id)
        .join(
            RolePermission,
            sa.and_(
                RolePermission.merchant_id == Membership.merchant_id,
                RolePermission.role_id == Membership.role_id,
            ),
        )
        .where(
            Membership.merchant_id == current_merchant_id(),
            Membership.state == "active",
            User.state == "active",
            RolePermission.permission == "privacy.edit",
        )
        .order_by(User.id)
    )
    return [(email, locale or "en") for email, locale in db.session.execute(statement)]
