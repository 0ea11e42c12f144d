"""Letters in the outbox: sent ones, one that waits, one that failed."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from portal.core.audit import SYSTEM, Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.jobs import Job, run_due_jobs
from portal.core.mail import Message, send_mail
from portal.privacy.alerts import send_alerts


def fill_outbox(*, by: Actor) -> None:
    """Deadline alerts that really went out, then a letter for each other state, committed."""
    send_alerts(by=SYSTEM)
    db.session.commit()
    run_due_jobs()
    failed = _letter(by)
    failed.state, failed.attempts, failed.error = (
        "failed",
        5,
        "The mail server did not take the address (550). It was tried 5 times.",
    )
    waiting = _letter(by)
    waiting.attempts, waiting.error = 2, "The mail server did not answer. It is tried again by itself."
    _keep_waiting(failed.id, "failed")
    _keep_waiting(waiting.id, "queued")
    db.session.commit()


def _letter(by: Actor) -> Message:
    message = send_mail(
        "privacy_deadline", to="officer.on.leave@example.com", about=("privacy_request", 1), by=by,
        context={"request_id": 1, "kind": "erasure", "due_on": utc_now().date().isoformat(), "days_left": 1},
    )  # fmt: skip
    db.session.flush()
    return message


def _keep_waiting(message_id: int, state: str) -> None:
    values = (
        {"run_after": utc_now() + dt.timedelta(hours=20)}
        if state == "queued"
        else {"state": state, "finished_at": utc_now()}
    )
    db.session.execute(
        sa.update(Job).where(Job.unique_key == f"message-{message_id}").values(**values),
        execution_options={"synchronize_session": False},
    )
