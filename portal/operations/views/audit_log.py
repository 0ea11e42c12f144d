"""The audit log: the list, an entry with its values, verifying the chain."""

from __future__ import annotations

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core.audit import Changes, read_changes
from portal.core.audit.models import AuditEntry
from portal.core.database import db
from portal.core.http import render, see_other, toast
from portal.core.jobs import enqueue
from portal.core.listing import show_list
from portal.core.reveal import log_view
from portal.operations.listings import AUDIT, in_words
from portal.operations.queries import entry_of, last_verification
from portal.operations.views import bp


@bp.get("/audit")
@requires("audit.view")
def audit_log() -> ResponseReturnValue:
    return show_list(AUDIT, "operations/audit.html", verification=last_verification())


@bp.get("/audit/<int:entry_id>")
@requires("audit.view")
def audit_entry(entry_id: int) -> Response:
    entry = entry_of(entry_id)
    changes = _changes(entry)
    is_open = changes is not None and changes.state == "open"
    names = sorted({*changes.before, *changes.after} if changes and is_open else entry.fields)
    return render(
        "operations/audit_entry.html", entry=entry, title=in_words(entry.action), changes=changes, names=names
    )


@bp.post("/audit/verification")
@requires("audit.view")
def verify_audit_log() -> ResponseReturnValue:
    job = enqueue("audit.verify", by=current_actor(), unique_key="verify")
    db.session.commit()
    toast("The log is being verified.", "info")
    return see_other(url_for(".job", job_id=job.id))


def _changes(entry: AuditEntry) -> Changes | None:
    """The values; those of a person only for roles that may see people, and then the look is logged."""
    if entry.data_subject_id is None:
        return read_changes(entry)
    if not can("customers.reveal"):
        return None
    changes = read_changes(entry)
    if changes.state == "open":
        log_view(
            current_actor(), [entry.data_subject_id], case=("audit_entry", entry.id), fields=entry.fields
        )
    return changes
