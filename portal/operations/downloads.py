"""Links to files: signed, for one person at one merchant, short-lived, and every use of them in the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import current_app, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer

from portal.accounts.access import can, current_actor
from portal.core import audit
from portal.core.database import current_merchant_id
from portal.core.errors import NotFoundError
from portal.core.jobs import Job, kind_of
from portal.core.storage import StoredFile, file_of

SECONDS: Final = 24 * 3600
GONE: Final = "This link is not valid any more. Links to files are for one person and work for a day."


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link allows."""

    merchant_id: int
    user_id: int
    file_id: int
    permission: str


def download_url(job: Job) -> str | None:
    """A link to the result of a job for the person at the screen, or None when there is none for them."""
    if job.result_file_id is None or not may_download(job):
        return None
    grant = [current_merchant_id(), current_actor().id, job.result_file_id, kind_of(job.kind).permission]
    return url_for("operations.download", token=_serializer().dumps(grant))


def may_download(job: Job) -> bool:
    """The person who started the job, or one who manages jobs, while their role still has the permission of the work."""
    is_theirs = job.actor_kind == "user" and job.actor_id == current_actor().id
    return can(kind_of(job.kind).permission) and (is_theirs or can("jobs.manage"))


def granted_file(token: str) -> StoredFile:
    """The file behind a link, with the use of it written to the log; the caller commits.

    Raises:
        NotFoundError: the link is forged, over, for somebody else, or the role was lost.
    """
    try:
        merchant_id, user_id, file_id, permission = _serializer().loads(token, max_age=SECONDS)
    except (BadSignature, ValueError, TypeError) as error:
        raise NotFoundError(GONE) from error
    actor = current_actor()
    if (merchant_id, user_id) != (current_merchant_id(), actor.id) or not can(permission):
        raise NotFoundError(GONE)
    stored = file_of(int(file_id))
    audit.record(
        "file.downloaded",
        by=actor,
        subject=("stored_file", stored.id),
        after={"bytes": stored.size},
        data_subject_id=stored.data_subject_id,
    )
    return stored


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="portal file download")
