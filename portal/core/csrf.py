"""No other site may make a signed-in browser change anything: a token in every form, and where the request comes from."""

from __future__ import annotations

from typing import Final

from flask import Flask, abort, current_app, request
from flask_wtf.csrf import CSRFProtect

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
OWN_SITE: Final = frozenset({"same-origin", "none"})

csrf = CSRFProtect()


def init_csrf(app: Flask) -> None:
    """Check every unsafe request, before any view and any query.

    The token lives as long as the session: a page left open over lunch keeps what was typed in it.
    """
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    csrf.init_app(app)
    app.before_request(refuse_forged_requests)


def refuse_forged_requests() -> None:
    """Refuse an unsafe request that another site caused or that carries no token of ours."""
    if request.method in SAFE_METHODS:
        return
    if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITE:
        abort(403, "This request came from another site and was refused.")
    # Programs bring a key in a header, which no other site can make a browser send; no cookie counts there.
    if request.path.startswith("/api/"):
        return
    if current_app.config["WTF_CSRF_ENABLED"]:
        csrf.protect(apply_exemptions=True)
