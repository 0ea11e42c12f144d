"""A form that is sent twice makes one thing: a double click, a repeated request, the way back in the browser.

    @bp.post("/new")
    @requires("stock.edit")
    @sent_once
    def create_transfer() -> ResponseReturnValue:
        ...
        toast("The transfer is added.")
        return made_at(url_for("transfers.transfer", transfer_id=made.id))

The form carries ``once_field()``. Sent again as it was, it leads to what it made and says so; with something else typed
it is another form. What was refused was never sent. The token is kept nowhere but in the form: of what was typed nothing
can be read back from the key that is kept.
"""

from __future__ import annotations

import functools
import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask, g, request
from flask.typing import ResponseReturnValue

from portal.core.database import db
from portal.core.http import see_other, toast
from portal.core.idempotency import Answer, claim, fingerprint_of, remember

FIELD: Final = "form_token"
OWNER: Final = "form"
AGAIN: Final = "This form was sent already, and it counts once."
# The answers to other questions: a form is the same with and without them.
BESIDE: Final = frozenset({"csrf_token", "confirm_password"})
# The list that a page is seen in is not part of where it stands, and may hold an address somebody filtered by.
LIST: Final = "list"

View = Callable[..., ResponseReturnValue]


def init_once(app: Flask) -> None:
    """Let templates write the token of a form."""
    app.jinja_env.globals.update(form_token=form_token)


def form_token() -> str:
    """The token of a form that is being shown: the one it was refused with, or a new one."""
    sent = request.form.get(FIELD)
    return sent if sent and "form_is_made" not in g else uuid.uuid4().hex


def sent_once(view: View) -> View:
    """Call *view* for the first of equal forms; who sends it again is led to what the first made.

    What *view* makes it commits by ``made_at``.
    """

    @functools.wraps(view)
    def once(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not request.form.get(FIELD):
            return view(*args, **kwargs)
        g.form_key = _key()
        known = claim(OWNER, g.form_key, fingerprint_of(request.method, request.path, b""))
        if known is not None:
            db.session.rollback()
            toast(known.body.decode() or AGAIN, "info")
            return see_other(_seen_in(request.args.get(LIST), known.address or request.path))
        answer = view(*args, **kwargs)
        if g.get("has_committed") and "form_is_made" not in g:
            raise RuntimeError(f"{view.__name__} must commit by made_at(): a repeat would lead nowhere.")
        return answer

    once.is_sent_once = True  # type: ignore[attr-defined]
    return once


def made_at(
    address: str, *, shown: Callable[[], ResponseReturnValue] | None = None, again: str = ""
) -> ResponseReturnValue:
    """Commit what a form made, with the address where it stands, and lead there.

    Args:
        address: a page of the portal.
        shown: what is answered instead of going there: a fragment, or what can be seen only once.
        again: what a person is told who sends the form again; no personal data.
    """
    if "form_key" in g:
        remember(OWNER, g.form_key, Answer(303, again.encode(), _seen_in(None, address)))
    db.session.commit()
    g.form_is_made = True
    return shown() if shown is not None else see_other(address)


def _key() -> str:
    """The token together with all that was typed and chosen."""
    typed = [(name, value) for name, value in request.form.items(multi=True) if name not in BESIDE]
    files = []
    for name, sent in request.files.items(multi=True):
        files.append((name, sent.filename, hashlib.file_digest(sent.stream, "sha256").hexdigest()))  # type: ignore[arg-type]
        sent.stream.seek(0)
    return hashlib.sha256(json.dumps([request.full_path, typed, files]).encode()).hexdigest()


def _seen_in(seen_in: str | None, address: str) -> str:
    """The address as it stands in a list, or in none."""
    parts = urlsplit(address)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != LIST]
    if seen_in:
        query.append((LIST, seen_in))
    return parts._replace(query=urlencode(query)).geturl()
