"""Screens of accounts; each module adds its addresses to one blueprint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint
from flask_wtf import FlaskForm

from portal.core.errors import DomainError, StaleError
from portal.core.merging import pack_base

bp = Blueprint("accounts", __name__)


def show_error(form: FlaskForm, error: DomainError) -> None:
    """Put a broken rule beside the field it belongs to, or above the form."""
    if error.field and error.field in form:
        form[error.field].errors = [*form[error.field].errors, error.message]
    else:
        form.form_errors.append(error.message)


def version_in(form: FlaskForm) -> int:
    """The version a form was opened at; 0, which nothing ever has, when it was altered on the way."""
    text = form.version.data or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def conflict_of(
    form: FlaskForm, error: StaleError, now: Mapping[str, Any], base: Mapping[str, Any]
) -> dict[str, Any]:
    """What ``stale_conflict`` shows: the fields to choose for, and every other one as it would be saved."""
    clashes = [
        {
            "name": name,
            "label": form[name].label.text,
            "mine": _raw(mine),
            "theirs": _raw(theirs),
            "mine_words": _words(form, name, mine),
            "theirs_words": _words(form, name, theirs),
        }
        for name, (theirs, mine) in error.clashes.items()
    ]
    carried = [
        (name, _raw(value))
        for name in now
        if name not in error.clashes
        for value in _kept(now[name], base.get(name, now[name]), form[name].data)
    ]
    return {
        "version": error.version,
        "clashes": clashes,
        "carried": [*carried, ("base", pack_base(now))],
    }


def _kept(now: Any, base: Any, mine: Any) -> list[Any]:
    if isinstance(now, list):
        return sorted((set(mine) | set(now) - set(base)) - (set(base) - set(now)))
    return [now if now != base else mine]


def _raw(value: Any) -> str:
    """A value as a form sends it. A box that is not ticked sends nothing, which an empty text reads as, too."""
    return ("y" if value else "") if isinstance(value, bool) else str(value if value is not None else "")


def _words(form: FlaskForm, name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    choices = {choice.value: choice.label for choice in getattr(form[name], "choices", None) or ()}
    return str(choices.get(value, _raw(value)))
