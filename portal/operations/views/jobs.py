"""Jobs: the list, a job with its progress and rows, steering it, its result, the ring in the top bar."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.http import dump_options_header

from portal.accounts.access import can, current_actor, requires
from portal.core import jobs, storage
from portal.core.database import db
from portal.core.errors import ForbiddenError
from portal.core.http import render, render_region, see_other, toast
from portal.core.jobs import Job, UnknownJobError, kind_of, title_of
from portal.core.listing import show_list
from portal.core.once import made_at, sent_once
from portal.operations.downloads import download_url, granted_file
from portal.operations.listings import BACKGROUND_JOBS, JOBS
from portal.operations.queries import active_jobs, items_of
from portal.operations.views import bp


@bp.get("/jobs")
@requires("operations.view")
def jobs_index() -> ResponseReturnValue:
    return show_list(JOBS, "operations/jobs.html", is_background=False)


@bp.get("/jobs/background")
@requires("operations.view")
def background_jobs() -> ResponseReturnValue:
    return show_list(BACKGROUND_JOBS, "operations/jobs.html", is_background=True)


@bp.get("/jobs/<int:job_id>")
@requires("operations.view")
def job(job_id: int) -> Response:
    return render("operations/job.html", **_shown(jobs.job_of(job_id)))


@bp.get("/jobs/<int:job_id>/progress")
@requires("operations.view", passive=True)
def job_progress(job_id: int) -> Response:
    found = jobs.job_of(job_id)
    return render_region("operations/_job.html", title=title_of(found.kind), **_shown(found))


@bp.get("/jobs/<int:job_id>/rows")
@requires("operations.view")
def job_rows(job_id: int) -> Response:
    found = jobs.job_of(job_id)
    return render_region(
        "operations/_job_rows.html",
        title=f"Failed rows: {title_of(found.kind)}",
        job=found,
        rows=items_of(found, after=request.args.get("after", "")[:200] or None),
    )


@bp.post("/jobs/<int:job_id>/cancellation")
@requires("operations.view")
def cancel_job(job_id: int) -> ResponseReturnValue:
    _check_may_steer(job_id)
    jobs.cancel(job_id, by=current_actor())
    db.session.commit()
    toast("The job stops at its next step. What it has finished stays.", "info")
    return see_other(url_for(".job", job_id=job_id))


@bp.post("/jobs/<int:job_id>/resumption")
@requires("operations.view")
def resume_job(job_id: int) -> ResponseReturnValue:
    _check_may_steer(job_id)
    jobs.resume(job_id, by=current_actor())
    db.session.commit()
    toast("The job goes on where it stopped.")
    return see_other(url_for(".job", job_id=job_id))


@bp.post("/jobs/<int:job_id>/row-retry")
@requires("operations.view")
@sent_once
def retry_rows(job_id: int) -> ResponseReturnValue:
    _check_may_steer(job_id)
    again = jobs.retry_failed_rows(job_id, by=current_actor())
    toast("The failed rows are tried again by a new job.")
    return made_at(url_for(".job", job_id=again.id))


@bp.get("/files/<string:token>")
@requires()
def download(token: str) -> Response:
    stored = granted_file(token)
    # Opened before the log entry is committed: a file that cannot be read was not downloaded.
    response = Response(storage.open_stream(stored.key), mimetype=stored.media_type)
    response.headers["Content-Disposition"] = dump_options_header(
        "attachment", {"filename": stored.filename or "download"}
    )
    response.headers["Content-Length"] = str(stored.size)
    db.session.commit()
    return response


@bp.get("/ring")
@requires("operations.view", passive=True)
def ring() -> Response:
    running = active_jobs()
    known = [each for each in running if each.total]
    return render_region(
        "operations/_ring.html",
        title="Jobs in progress",
        running=running,
        done=sum(min(each.done, each.total or 0) for each in known),
        total=sum(each.total or 0 for each in known) if len(known) == len(running) else None,
    )


def _shown(found: Job) -> dict[str, Any]:
    retries_rows = _knows(found) and kind_of(found.kind).retries_rows
    return {
        "job": found,
        "work": title_of(found.kind),
        "may_steer": _may_steer(found),
        "retries_rows": retries_rows,
        "rows": items_of(found),
        "download_url": download_url(found) if _knows(found) else None,
    }


def _knows(found: Job) -> bool:
    try:
        kind_of(found.kind)
    except UnknownJobError:
        return False
    return True


def _may_steer(found: Job) -> bool:
    is_theirs = found.actor_kind == "user" and found.actor_id == current_actor().id
    return can("jobs.manage") or (is_theirs and _knows(found) and can(kind_of(found.kind).permission))


def _check_may_steer(job_id: int) -> None:
    if not _may_steer(jobs.job_of(job_id)):
        raise ForbiddenError("Only the person who started a job, or one who manages jobs, may do this.")
