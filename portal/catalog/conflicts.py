"""The answer of a stale save: both values of each field that clashes, everything else carried along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Response
from flask_wtf import FlaskForm

from portal.core.audit import AuditEntry
from portal.core.database import db
from portal.core.errors import StaleError
from portal.core.http import render
from portal.core.merging import pack_base, unpack_base


def conflict(
    form: FlaskForm, error: StaleError, *, now: Mapping[str, str], mine: Mapping[str, str]
) -> dict[str, Any]:
    """What ``components/conflict.html`` needs, made before the session is rolled back.

    Args:
        now: what stands, by field, as the form shows it.
        mine: what was typed, by field.
    """
    base = unpack_base(str(form.base.data or ""))
    clashes = [
        {"name": name, "label": form[name].label.text, "mine": typed or "", "theirs": theirs or ""}
        for name, (theirs, typed) in error.clashes.items()
    ]
    carried = [
        (name, now[name] if name not in mine or now[name] != base.get(name, now[name]) else mine[name])
        for name in now
        if name not in error.clashes and (name in mine)
    ]
    shown = {name: now[name] for name in now if name in mine}
    return {"clashes": clashes, "version": error.version, "carried": [*carried, ("base", pack_base(shown))]}


def stale_answer(
    form: FlaskForm,
    error: StaleError,
    *,
    now: Mapping[str, str],
    mine: Mapping[str, str],
    words: Callable[[str, str], str] = lambda _name, value: value,
    **page: Any,
) -> Response:
    """The whole answer of a save that came late: both values of each clash, and nothing written.

    Args:
        words: what a value of a field is called, where the form holds a number or a tick.
        page: as ``stale_page``.
    """
    parts = conflict(form, error, now=now, mine=mine)
    for clash in parts["clashes"]:
        clash["mine_words"] = words(clash["name"], clash["mine"])
        clash["theirs_words"] = words(clash["name"], clash["theirs"])
    answer = stale_page(parts, **page)
    db.session.rollback()
    return answer


def stale_page(
    parts: Mapping[str, Any],
    *,
    action_url: str,
    heading: str,
    back_url: str,
    back_label: str,
    history: Sequence[AuditEntry] = (),
    extra: Sequence[tuple[str, str]] = (),
) -> Response:
    """The page on which a person decides; ``history`` tells who saved meanwhile."""
    last = history[0] if history else None
    return render(
        "catalog/stale.html",
        heading=heading,
        action_url=action_url,
        back_url=back_url,
        back_label=back_label,
        clashes=parts["clashes"],
        version=parts["version"],
        carried=[*parts["carried"], *extra],
        who=last.actor_name if last else None,
        at=last.at if last else None,
        status=409,
    )
