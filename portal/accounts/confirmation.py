"""Typing the password again before something that cannot be undone.

A form that was already filled in is not thrown away: the question carries its fields, and answering it sends them on.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.identity import Identity
from portal.accounts.models import User
from portal.accounts.passwords import EvenAnswer, is_password
from portal.accounts.sessions import mark_confirmed
from portal.accounts.throttling import admit_password, give_back
from portal.core.csrf import SAFE_METHODS
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import path_or, previous_path, render, see_other, wants_fragment
from portal.core.once import FIELD as ONCE

FIELD: Final = "confirm_password"
WRONG: Final = "This is not your password."


def confirm(identity: Identity, password: str) -> bool:
    """Whether *password* is the person's; if so the session is fresh again, committed.

    Raises:
        TooManyTriesError: too many wrong ones lately.
    """
    admission = admit_password(identity.email)
    with EvenAnswer():
        kept = db.session.scalar(sa.select(User.password_hash).where(User.id == identity.id))
        is_right = is_password(password, kept)
    if is_right:
        give_back(admission)
        mark_confirmed(identity.session_id)
        db.session.commit()
    return is_right


def confirm_from_form(identity: Identity) -> bool:
    """Whether the request itself brings the answer to ``ask_for_password``."""
    if request.method in SAFE_METHODS or FIELD not in request.form:
        return False
    try:
        is_right = confirm(identity, request.form[FIELD])
    except DomainError as error:
        g.confirmation_error = error.message
        return False
    if not is_right:
        g.confirmation_error = WRONG
    return is_right


def ask_for_password() -> ResponseReturnValue:
    """The question. A plain form is carried along; a page or an htmx request comes back to where it was."""
    is_form = request.method not in SAFE_METHODS
    can_carry = (
        is_form
        and not request.files
        and not any("password" in name for name in request.form if name != FIELD)
    )
    if can_carry and not wants_fragment():
        carried = [
            (name, value)
            for name, value in request.form.items(multi=True)
            if name not in {FIELD, ONCE, "csrf_token"}
        ]
        return render(
            "accounts/confirm.html",
            status=403,
            carried=carried,
            action=request.full_path.rstrip("?"),
            error=g.get("confirmation_error"),
        )
    back = previous_path("/") if is_form or wants_fragment() else path_or(request.full_path.rstrip("?"), "/")
    target = url_for("accounts.confirm", next=back)
    if wants_fragment():
        return Response(status=403, headers={"HX-Redirect": target})
    return see_other(target)
