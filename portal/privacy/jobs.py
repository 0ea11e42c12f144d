"""The jobs of this domain: thin, each loads by id and calls a service."""

from __future__ import annotations

import datetime as dt
from typing import Final

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.core.audit import SYSTEM, Actor
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError
from portal.core.jobs import JobRun, enqueue, job
from portal.core.storage import put
from portal.privacy.access_export import as_zip, collect
from portal.privacy.alerts import send_alerts
from portal.privacy.erasure import run_erasure
from portal.privacy.evidence import add_evidence, merchant
from portal.privacy.models import PrivacyRequest
from portal.privacy.queries import scope_of
from portal.privacy.recipients import recipient_names
from portal.privacy.retained import destroy_due_records

COPY_KEPT: Final = dt.timedelta(days=7)


@job("privacy.erase", title="Erase a person", permission="privacy.view")
def erase(job: JobRun) -> None:
    """Run an approved erasure; a lost worker's half is finished by the next."""

    def progress(done: int, total: int, table: str) -> None:
        job.progress(done, total=total, note=table)

    certificate = run_erasure(
        int(job.args["request_id"]), by=_actor(job), commit=job.commit, progress=progress
    )
    if certificate is None:
        job.progress(
            0, note="Stopped: a legal hold stands on this person. It goes on when the hold is lifted."
        )


@job("privacy.access-export", title="Copy of a person's data", permission="privacy.view")
def access_export(job: JobRun) -> None:
    """Write the copy a person asked for and attach it to the job."""
    request_id = int(job.args["request_id"])
    request = db.session.scalars(
        sa.select(PrivacyRequest).where(PrivacyRequest.id == request_id).with_for_update()
    ).one()
    if request.state == "answered":
        return
    if request.state != "running" or request.kind != "access":
        raise ConflictError("This request is not waiting for a copy.")
    subjects = scope_of(request.id)
    tables = collect(subjects, progress=lambda done, table: job.progress(done, note=table))
    recipients = recipient_names(request.merchant_id, subjects)
    content = as_zip(tables, request_id=request.id, merchant_name=merchant().name, recipients=recipients)
    filename = f"request-{request.id}.zip"
    key = f"privacy/{request.merchant_id}/request-{request.id}-{utc_now():%Y%m%d%H%M%S}.zip"
    put(
        key,
        content,
        subject_id=request.subject_id,
        filename=filename,
        media_type="application/zip",
        expires_at=utc_now() + COPY_KEPT,
    )
    job.attach_result(key, filename, "application/zip")
    request.state, request.answered_at = "answered", utc_now()
    facts = {
        "rows": sum(len(table.rows) for table in tables),
        "unreadable": sum(table.unreadable for table in tables),
    }
    add_evidence(request, "copy_made", by=_actor(job), before="running", after="answered", facts=facts)
    job.commit()


def watch_due() -> None:
    """Ask for the watch over each merchant's deadlines and retention; the timetable calls this."""
    merchants = list(db.session.scalars(sa.select(Merchant.id).order_by(Merchant.id)))
    db.session.rollback()
    for merchant_id in merchants:
        with merchant_scope(merchant_id):
            enqueue("privacy.watch", by=SYSTEM, unique_key="watch")
            db.session.commit()


@job("privacy.watch", title="Deadlines and retention", permission="privacy.view", quiet=True)
def watch(job: JobRun) -> None:
    """Alert on deadlines that come near, and destroy records whose retention has ended."""
    alerted = send_alerts(by=_actor(job))
    job.commit()
    destroyed = destroy_due_records(by=_actor(job))
    job.progress(
        alerted + destroyed,
        total=alerted + destroyed,
        note=f"{alerted} alerts, {destroyed} records destroyed",
    )
    job.commit()


def _actor(job: JobRun) -> Actor:
    return Actor(kind="job", id=job.id, name="job")
