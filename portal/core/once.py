"""A form that is sent twice makes one thing: a double click, a repeated request, the way back in the browser.

    @bp.post("/new")
    @requires("stock.edit")
    @sent_once
    def create_transfer() -> ResponseReturnValue:
        ...
        return made_at(url_for("transfers.transfer", transfer_id=made.id))

The form carries ``once_field()``. Sent again as it was, it leads to what it made; with something else typed it is another
form. What was refused was never sent.
"""

from __future__ import annotations

import functools
import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any, Final

from flask import Flask, g, request
from flask.typing import ResponseReturnValue

from portal.core.database import db
from portal.core.http import see_other
from portal.core.idempotency import Answer, claim, fingerprint_of, remember

FIELD: Final = "form_token"
OWNER: Final = "form"

View = Callable[..., ResponseReturnValue]


def init_once(app: Flask) -> None:
    """Let templates write the token of a form."""
    app.jinja_env.globals.update(form_token=form_token)


def form_token() -> str:
    """The token of a form that is being shown: the one it was sent with, or a new one."""
    return request.form.get(FIELD) or uuid.uuid4().hex


def sent_once(view: View) -> View:
    """Call *view* for the first of equal forms; who sends it again is led to what the first made."""

    @functools.wraps(view)
    def once(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if FIELD not in request.form:
            return view(*args, **kwargs)
        g.form_key = _key()
        known = claim(OWNER, g.form_key, fingerprint_of(request.method, request.path, b""))
        if known is None:
            return view(*args, **kwargs)
        db.session.rollback()
        return see_other(known.address or request.path)

    once.is_sent_once = True  # type: ignore[attr-defined]
    return once


def made_at(address: str) -> ResponseReturnValue:
    """Commit what a form made, with the address where it stands, and lead there."""
    if "form_key" in g:
        remember(OWNER, g.form_key, Answer(303, b"", address))
    db.session.commit()
    return see_other(address)


def _key() -> str:
    """The token together with all that was typed and chosen."""
    typed = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    files = [(name, sent.filename) for name, sent in request.files.items(multi=True)]
    return hashlib.sha256(json.dumps([request.path, typed, files]).encode()).hexdigest()
