"""What people and machines see when something goes wrong: a page, a toast, or problem details (RFC 9457)."""

from __future__ import annotations

from typing import Any, Final

import structlog
from flask import Flask, Response, current_app, g, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from jinja2 import Template
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import HTTP_STATUS_CODES

from portal.core.database import RETRIED_STATES
from portal.core.errors import NOTHING_HERE, DomainError, NotFoundError, StaleError
from portal.core.headers import request_id
from portal.core.http import previous_path, toast, wants_fragment, wants_json

log = structlog.get_logger(__name__)

WORDS: Final = {
    400: "The request could not be understood. Reload the page and try again.",
    401: "Sign in to go on.",
    403: "Your role does not allow this. Someone who manages users can change that.",
    404: NOTHING_HERE,
    405: "This address does not take that kind of request.",
    413: "The file is too large.",
    415: "The file is of a kind this page does not take.",
    422: "Something in the request does not fit. Check what you typed.",
    429: "Too many tries. Wait a moment, then try again.",
    500: "Something broke on our side. Nothing was saved. Try again; if it stays, tell support the number below.",
    503: "Too many people are changing the same thing right now. Nothing was saved. Try again.",
}
# To a program, where the words for people would speak of a page.
API_WORDS: Final = {
    400: "The request could not be understood.",
    422: "Something in the request does not fit; the errors say what. Nothing was done.",
}
FORGED: Final = (
    "This page was open too long or in another sign-in. Nothing was saved. Reload it and try again."
)


def init_problems(app: Flask) -> None:
    """Answer every error in the house's own words."""
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(CSRFError, lambda error: answer(400, FORGED))
    app.register_error_handler(DomainError, answer_domain)
    app.register_error_handler(InternalServerError, answer_failure)


def answer_http(error: HTTPException) -> ResponseReturnValue:
    """An abort or a wrong address. A description of our own wins over the standard words."""
    if error.response is not None:
        return error.get_response()
    status = error.code or 500
    said = error.description if error.description != type(error).description else None
    headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    return answer(status, said, headers, errors=getattr(error, "data", {}).get("messages"))


def answer_domain(error: DomainError) -> ResponseReturnValue:
    """A broken rule that no view caught."""
    if isinstance(error, NotFoundError):
        return answer(404)
    if isinstance(error, StaleError):
        log.info("stale save was not shown by its view", path=request.path)
    return answer(error.status, error.message, field=error.field)


def answer_failure(error: InternalServerError) -> ResponseReturnValue:
    """A fault of ours. Asks the database nothing: it may be what failed."""
    g.is_failing = True
    cause = error.original_exception
    if isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) in RETRIED_STATES:
        return answer(503)
    log.error("request failed", path=request.path, method=request.method, error=type(cause or error).__name__)
    return answer(500)


def answer(
    status: int,
    message: str | None = None,
    headers: dict[str, str] | None = None,
    *,
    field: str | None = None,
    errors: Any = None,
) -> Response:
    """The answer for *status*: JSON for machines, a toast that leaves the page alone for htmx, else a page.

    Machines are also told the *field* it is about and, by field, the *errors* of what they sent.
    """
    words = message or WORDS.get(status) or "The request was refused."
    if wants_json():
        words = message or API_WORDS.get(status) or words
        told = {"field": field, "errors": errors}
        response = jsonify(problem(status, words) | {name: value for name, value in told.items() if value})
        response.content_type = "application/problem+json"
    elif wants_fragment():
        # A toast has no room below it: the number stands in the sentence.
        words = words.replace("the number below", f"the number {request_id()}")
        toast(words, "danger")
        response = make_response(Markup('<p class="notice notice-danger" role="alert">{}</p>').format(words))
        # A refused save must not wipe the form it came from.
        response.headers["HX-Reswap"] = "none"
    else:
        response = make_response(_page(status, words))
    response.status_code = status
    response.headers.extend(headers or {})
    return response


def problem(status: int, words: str) -> dict[str, Any]:
    """Problem details as RFC 9457 names them."""
    title = HTTP_STATUS_CODES.get(status, "Error")
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": words,
        "request_id": request_id(),
    }


def _page(status: int, words: str) -> str:
    names: list[str | Template] = [f"errors/{status}.html", "errors/problem.html"]
    try:
        return render_template(
            names, message=words, status=status, back=_form_before(), request_id=request_id()
        )
    except Exception:
        if status < 500:
            raise
        # The page of last resort must come whatever is broken.
        log.exception("the error page failed")
        return Markup(
            "<!doctype html><title>Something broke</title><h1>Something broke</h1><p>{}</p>"
        ).format(words)


def _form_before() -> str | None:
    """The page whose form was refused, when its address can be opened again."""
    if request.method in {"GET", "HEAD"}:
        return None
    path = previous_path("")
    try:
        adapter = current_app.create_url_adapter(request)
        assert adapter is not None
        adapter.match(path.partition("?")[0], method="GET")
    except HTTPException:
        return None
    return path
