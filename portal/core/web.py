"""Set the web side up: headers, the check against forged requests, error answers, and another try after a deadlock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask, g, has_request_context, request, session
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, ValidationError

from portal.config import Settings
from portal.core.csrf import SAFE_METHODS, init_csrf
from portal.core.database import RETRIED_STATES, db
from portal.core.headers import init_headers
from portal.core.navigation import init_navigation
from portal.core.once import init_once
from portal.core.problems import init_problems

ATTEMPTS: Final = 3
MAX_FORM_BYTES: Final = 64 * 1024 * 1024
HIGHEST_ID: Final = 2**63 - 1


class IdConverter(IntegerConverter):
    """``<int:product_id>``: a number no key can be is nothing at this address, not a fault of ours."""

    def to_python(self, value: str) -> Any:
        found = super().to_python(value)
        if found > HIGHEST_ID:
            raise ValidationError
        return found


def init_http(app: Flask) -> None:
    """Register before any domain does: these hooks run first, so a refused request costs no query."""
    settings: Settings = app.config["SETTINGS"]
    app.jinja_env.undefined = StrictUndefined
    app.url_map.converters["int"] = IdConverter
    app.config.setdefault("MAX_CONTENT_LENGTH", MAX_FORM_BYTES)
    app.config.update(
        SESSION_COOKIE_NAME="__Host-portal" if settings.is_https else "portal",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    if settings.trusted_proxies:
        # So many hops of ours add to these headers; what a client wrote before them is not believed.
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    init_headers(app, settings)
    init_csrf(app)
    init_once(app)
    init_problems(app)
    init_navigation(app)
    plain_dispatch: Callable[[], ResponseReturnValue] = app.dispatch_request
    app.dispatch_request = lambda: dispatch(plain_dispatch)  # type: ignore[method-assign]


def dispatch(view: Callable[[], ResponseReturnValue]) -> ResponseReturnValue:
    """Run the view; run an unsafe one again when PostgreSQL took its transaction back to untie a knot.

    Never after a commit: what was saved would be saved twice.
    """
    if request.method in SAFE_METHODS:
        return view()
    cookie: dict[str, Any] = dict(session)
    g.has_committed = False
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return view()
        except DBAPIError as error:
            if (
                attempt == ATTEMPTS
                or g.has_committed
                or getattr(error.orig, "sqlstate", None) not in RETRIED_STATES
            ):
                raise
        _start_over(cookie)
        time.sleep(random.uniform(0.01, 0.05) * attempt)
    raise AssertionError("unreachable")


def _start_over(cookie: dict[str, Any]) -> None:
    db.session.remove()
    session.clear()
    session.update(cookie)
    g.pop("toasts", None)
    for upload in request.files.values():
        upload.stream.seek(0)


@sa.event.listens_for(Session, "after_commit")
def _remember_commit(committed: Session) -> None:
    if has_request_context() and db.session.registry.has() and committed is db.session():
        g.has_committed = True
