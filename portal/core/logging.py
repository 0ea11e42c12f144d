"""Structured logs: one JSON object per line, bound to request, merchant, user and job, holding nothing of a person.

Fields pass an allow-list; texts pass a scrubber for e-mail addresses and phone numbers; a database error is logged by
class and code, because its message quotes the row. Access lines name the route, never the values in the address.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from flask import Flask, Response, g, request
from sqlalchemy.exc import DBAPIError

from portal.core.card_numbers import has_check_digit
from portal.core.tenancy import merchant_in_scope

ALLOWED: Final = frozenset(
    "event level logger timestamp exception request_id merchant user job kind queue attempt task consumer error status"
    " method route endpoint milliseconds bytes query_names count rows seconds channel account connector statement_count"
    " table run state step attempts name_of_file pid worker merchants done total code host port".split()
)
EMAIL: Final = re.compile(r"[^\s@<>\"'(),;:=\[\]{}]+@[^\s@<>\"'(),;:=\[\]{}]+\.[^\s@<>\"'(),;:=\[\]{}]+")
# Nine digits and more, written as people write phone and card numbers; ids stand in fields of their own.
PHONE: Final = re.compile(r"(?<![\w.])(?:\+|00|\(?0)\d(?:[\s().\-/]*\d){6,14}(?!\w)")
CARD: Final = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,15}(?!\w)")
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
REDACTED: Final = "[redacted]"

log = structlog.get_logger("portal.access")
Event = MutableMapping[str, Any]


def init_logging(app: Flask) -> None:
    """Log as JSON to standard error, and one line per request."""
    configure(level=logging.WARNING if app.config["SETTINGS"].environment == "test" else logging.INFO)
    app.before_request(_begin)
    app.after_request(_log_access)
    app.teardown_request(_end)


def configure(*, level: int = logging.INFO) -> None:
    """Set up structlog and route the standard library's loggers through it. Safe to repeat."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_merchant,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _PortalHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                format_error,
                scrub,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, _PortalHandler)]
    root.addHandler(handler)
    root.setLevel(level)
    # Its lines carry whole addresses, query included; the access line below replaces them.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    logging.getLogger("rq").setLevel(logging.WARNING)


def scrub(logger: Any, method: str, event: Event) -> Event:
    """Drop fields that are not on the list and redact what looks like an address or a number of a person."""
    kept = {name: _scrubbed(value) for name, value in event.items() if name in ALLOWED}
    dropped = sorted(event.keys() - kept.keys())
    return kept | {"dropped": dropped} if dropped else kept


def redact(text: str) -> str:
    """*text* without e-mail addresses, phone numbers and card numbers."""
    return PHONE.sub(REDACTED, CARD.sub(_redact_card, EMAIL.sub(REDACTED, text)))


def format_error(logger: Any, method: str, event: Event) -> Event:
    """Turn exc_info into frames and classes. Messages of database errors quote rows, so only their code is kept."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = describe(error)
    return event


def describe(error: BaseException) -> str:
    """The chain of errors, innermost first, each as frames and one line without values of rows."""
    chain: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(chain) < 5:
        seen.add(id(current))
        frames = "".join(
            f"  {frame.filename}:{frame.lineno} {frame.name}\n"
            for frame in traceback.extract_tb(current.__traceback__)[-15:]
        )
        chain.append(f"{frames}{_headline(current)}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\ncaused\n".join(reversed(chain))


def current_request_id() -> str | None:
    """The id of the request at hand, shown on problem pages so that a person can quote it."""
    return structlog.contextvars.get_contextvars().get("request_id")


def bind_user(user_id: int) -> None:
    """Name the signed-in user in the lines of this request."""
    structlog.contextvars.bind_contextvars(user=user_id)


class _PortalHandler(logging.StreamHandler[Any]):
    """Marks the handler as ours, so that configuring twice does not log twice."""


def _redact_card(found: re.Match[str]) -> str:
    # Ids and amounts are long numbers too; card numbers satisfy the Luhn check.
    return REDACTED if has_check_digit("".join(filter(str.isdigit, found[0]))) else found[0]


def _headline(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, DBAPIError):
        origin = error.orig
        constraint = getattr(getattr(origin, "diag", None), "constraint_name", None)
        return f"{name} {getattr(origin, 'sqlstate', '')} {constraint or ''}".strip()
    if type(error).__module__.startswith("psycopg"):
        return f"{name} {getattr(error, 'sqlstate', '') or ''}".strip()
    return f"{name}: {redact(str(error))[:500]}"


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, (list, tuple)):
        return [_scrubbed(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _scrubbed(each) for name, each in value.items() if name in ALLOWED}
    return value if isinstance(value, (int, float, bool)) or value is None else redact(str(value))


def _add_merchant(logger: Any, method: str, event: Event) -> Event:
    merchant_id = merchant_in_scope()
    if merchant_id is not None:
        event.setdefault("merchant", merchant_id)
    return event


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    g.request_id, g.began_at = request_id, time.perf_counter()


def _log_access(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    if request.endpoint == "static":
        return response
    began = g.get("began_at")
    log.info(
        "request",
        method=request.method,
        route=request.url_rule.rule if request.url_rule else "none",
        status=response.status_code,
        query_names=sorted(request.args)[:20],
        bytes=response.content_length or 0,
        milliseconds=round((time.perf_counter() - began) * 1000, 1) if began else None,
    )
    return response


def _end(error: BaseException | None) -> None:
    structlog.contextvars.clear_contextvars()
