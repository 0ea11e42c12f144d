"""How a view answers: a page or its fragment, a redirect, a message to the person at the screen.

A view calls ``render`` and never asks which of the two the browser wants; everything that depends on htmx stands here.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from flask import (
    Response,
    current_app,
    flash,
    g,
    has_request_context,
    make_response,
    redirect,
    request,
    session,
)
from flask.typing import ResponseReturnValue
from jinja2 import Template

from portal.config import settings

__all__ = [
    "cacheable",
    "can",
    "path_or",
    "previous_path",
    "public_link",
    "render",
    "render_region",
    "see_other",
    "toast",
    "wants_fragment",
    "wants_json",
    "whole_key",
]

Tone = Literal["success", "warning", "danger", "info"]
FRAGMENT_BLOCK: Final = "content"
KEYS_END: Final = 2**63


def wants_fragment() -> bool:
    """Whether htmx asked for a part of a page; boosted links and restored history are whole pages."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and not (
        headers.get("HX-Boosted") == "true" or headers.get("HX-History-Restore-Request") == "true"
    )


def wants_json() -> bool:
    """Whether a machine asked."""
    return request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json"


def whole_key(text: str) -> int:
    """A key in an address or a form, for ``args.get(name, type=whole_key)``: what no row can have counts as not given.

    Raises:
        ValueError: it is no whole number from 0 up that the database could hold.
    """
    key = int(text)
    if not 0 <= key < KEYS_END:
        raise ValueError(text)
    return key


def render(template: str, *, block: str = FRAGMENT_BLOCK, status: int = 200, **context: Any) -> Response:
    """Send the page, or for htmx its *block* alone. A template named ``_part.html`` is always sent whole.

    The answer carries ``Vary: HX-Request``, because one address has two bodies.
    """
    found = current_app.jinja_env.get_template(template)
    current_app.update_template_context(context)
    if wants_fragment() and not template.rpartition("/")[2].startswith("_"):
        body = _render_block(found, block, context)
    else:
        body = found.render(context)
    response = make_response(body, status)
    response.vary.add("HX-Request")
    return response


def render_region(template: str, *, title: str, status: int = 200, **context: Any) -> Response:
    """Send a region that has an address of its own: the fragment alone, or inside a page when no htmx asked."""
    if wants_fragment():
        return render(template, status=status, **context)
    return render("layouts/region.html", status=status, region=template, title=title, **context)


def see_other(url: str) -> ResponseReturnValue:
    """Go to *url* after a change: 303 for a form, ``HX-Redirect`` for htmx, which would swap the target page in."""
    if not wants_fragment():
        return redirect(url, 303)
    response = Response(status=204)
    response.headers["HX-Redirect"] = url
    return response


def toast(text: str, kind: Tone = "success", *, url: str | None = None, link: str | None = None) -> None:
    """Tell the person what happened: at once when htmx asked, on the next page otherwise."""
    if wants_fragment():
        g.setdefault("toasts", []).append({"text": text, "tone": kind, "url": url, "link": link})
    else:
        flash(text, kind)


def can(permission: str) -> bool:
    """Whether the person of this request may do *permission*; nobody may do anything outside a request."""
    return has_request_context() and permission in g.get("permissions", ())


def cacheable(response: Response, seconds: int) -> Response:
    """Let the person's own browser keep *response*; only for what holds no personal data."""
    g.is_cacheable = True
    response.headers["Cache-Control"] = f"private, max-age={seconds}"
    return response


def path_or(target: str | None, otherwise: str) -> str:
    """*target* when it is a path on this site, else *otherwise*: an open redirect is a phisher's gift."""
    if not target or not target.startswith("/") or target[1:2] in {"/", "\\"}:
        return otherwise
    if any(character.isspace() or ord(character) < 32 for character in target) or "\\" in target:
        return otherwise
    try:
        parts = urlsplit(target)
    except ValueError:
        return otherwise
    return otherwise if parts.scheme or parts.netloc else target


def public_link(path: str) -> str:
    """The full address of a path, for mail. Never from the request: whoever asks chooses its Host header."""
    return settings().public_url + path


def previous_path(otherwise: str) -> str:
    """The page the person is looking at, as htmx or the browser tells it."""
    told = request.headers.get("HX-Current-URL") or request.referrer
    try:
        parts = urlsplit(told or "")
    except ValueError:
        return otherwise
    if parts.netloc != request.host:
        return otherwise
    return path_or(f"{parts.path}?{parts.query}" if parts.query else parts.path, otherwise)


def send_toasts(response: Response) -> Response:
    """Put what ``toast`` collected into the answer; kept for the next page when the answer leads there."""
    toasts = g.pop("toasts", [])
    if not toasts:
        return response
    if "HX-Redirect" in response.headers or "HX-Refresh" in response.headers:
        session["_flashes"] = [
            *session.get("_flashes", []),
            *((each["tone"], each["text"]) for each in toasts),
        ]
        return response
    events = _triggers(response.headers.get("HX-Trigger"))
    events["toast"] = (
        toasts[0] if len(toasts) == 1 else {**toasts[-1], "text": " ".join(each["text"] for each in toasts)}
    )
    response.headers["HX-Trigger"] = json.dumps(events)
    return response


def _render_block(template: Template, block: str, context: dict[str, Any]) -> str:
    # A block rendered alone misses what its file imports at the top, and blocks of its parents. Running the template up
    # to its first output performs the imports and the inheritance, and writes nothing.
    bound = template.new_context(context)
    opening = template.root_render_func(bound)
    next(opening, None)
    opening.close()  # type: ignore[attr-defined]
    if block not in bound.blocks:
        raise LookupError(f"{template.name} has no block {block}.")
    return "".join(bound.blocks[block][0](bound))


def _triggers(header: str | None) -> dict[str, Any]:
    if not header:
        return {}
    if header.startswith("{"):
        parsed: dict[str, Any] = json.loads(header)
        return parsed
    return {name.strip(): None for name in header.split(",")}
