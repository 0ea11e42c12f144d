"""Requests of people about their data, each brought to its state by the services: due tomorrow, overdue, awaiting identity,
and one closed by a real erasure with its certificate."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.jobs import run_due_jobs
from portal.customers.models import Customer
from portal.privacy import approving, services, telling
from portal.privacy.deadlines import due_on, rule_for
from portal.privacy.models import PrivacyRequest, RecipientTask


def open_requests(customer_ids: list[int], recorder: Actor, approver: Actor, zone: ZoneInfo) -> None:
    """One request in each state, each about another customer, committed."""
    people = iter([_subject(each) for each in customer_ids])
    erasure = _recorded("erasure", next(people), _received_to_be_due(1, zone), recorder)
    _verify(erasure, recorder)
    approving.make_preview(erasure, by=recorder)
    db.session.commit()
    overdue = _recorded("access", next(people), utc_now() - dt.timedelta(days=36), recorder)
    _verify(overdue, recorder)
    _recorded("erasure", next(people), utc_now() - dt.timedelta(days=2), recorder, contact="wrote by e-mail")
    _recorded(
        "access", None, utc_now() - dt.timedelta(days=9), recorder, contact="a letter without an order number"
    )
    wrong_name = _recorded("rectification", next(people), utc_now() - dt.timedelta(days=20), recorder)
    _verify(wrong_name, recorder)
    services.carry_out(wrong_name, note="The spelling of the name was corrected.", by=recorder)
    db.session.commit()
    _erase(next(people), recorder, approver)


def _erase(subject_id: int, recorder: Actor, approver: Actor) -> None:
    request = _recorded("erasure", subject_id, utc_now() - dt.timedelta(days=12), recorder)
    _verify(request, recorder)
    approving.make_preview(request, by=recorder)
    db.session.commit()
    assert request.preview_digest is not None
    approving.approve(request, seen_digest=request.preview_digest, by=approver)
    request_id = request.id
    db.session.commit()
    run_due_jobs()
    request = db.session.get_one(PrivacyRequest, (current_merchant_id(), request_id), populate_existing=True)
    for task_id in db.session.scalars(
        sa.select(RecipientTask.id).where(RecipientTask.request_id == request_id)
    ).all():
        telling.settle_recipient(request, task_id, state="done", by=recorder)
    services.answer(request, note="", by=recorder)
    services.close(request, by=approver)
    db.session.commit()


def _recorded(
    kind: str, subject_id: int | None, received_at: dt.datetime, by: Actor, contact: str = ""
) -> PrivacyRequest:
    request = services.record_request(
        kind=kind, law="gdpr", subject_id=subject_id, received_at=received_at, by=by, contact=contact
    )
    db.session.commit()
    return request


def _verify(request: PrivacyRequest, by: Actor) -> None:
    services.verify_identity(
        request, method="email_reply", note="Answered from the address of the orders.", by=by
    )
    services.set_scope(request, (), by=by)
    db.session.commit()


def _received_to_be_due(days: int, zone: ZoneInfo) -> dt.datetime:
    """A time of receipt whose last day is so many days from today; the latest of those there are."""
    wanted = utc_now().astimezone(zone).date() + dt.timedelta(days=days)
    rule = rule_for("gdpr", "erasure")
    for back in range(20, 40):
        at = utc_now() - dt.timedelta(days=back)
        if due_on(rule, at.astimezone(zone).date()) <= wanted:
            return at
    raise AssertionError("A month is never longer than forty days.")


def _subject(customer_id: int) -> int:
    return db.session.get_one(Customer, (current_merchant_id(), customer_id)).subject_id
