"""The page of who runs the installation."""

from __future__ import annotations

from flask import Response, request

from portal.accounts.access import requires
from portal.accounts.permissions import OPERATE
from portal.core.http import render
from portal.operations import platform
from portal.operations.views import bp


@bp.get("/platform")
@requires(OPERATE)
def platform_page() -> Response:
    return render(
        "operations/platform.html",
        parts=platform.parts(),
        waiting=platform.waiting(),
        failed=platform.failed_jobs(),
        timetable=platform.timetable(),
        words=platform.TASK_WORDS,
        page=platform.merchants(after=request.args.get("after", "")[:200]),
    )
