"""Stale saves: what the form showed, what was typed and what stands now, brought together field by field.

A form carries what it showed in a hidden field ``base``. When someone saved in between, fields that only one side
touched are kept from that side; a field both changed differently is a clash that a person decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from portal.core.errors import DomainError, StaleError


def pack_base(values: Mapping[str, Any]) -> str:
    """What a form shows, as the text of its hidden field. Values are those of the form, before parsing."""
    return json.dumps(dict(values), ensure_ascii=False, sort_keys=True, default=str)


def unpack_base(text: str) -> dict[str, Any]:
    """The values ``pack_base`` was given.

    Raises:
        DomainError: the field was altered or lost on the way.
    """
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise DomainError("The form arrived damaged. Reload the page; nothing was saved.")
    return values


def merged(
    now: Mapping[str, Any], base: Mapping[str, Any], mine: Mapping[str, Any], *, version: int
) -> dict[str, Any]:
    """The values to save, by field: mine, but theirs where only they changed it.

    Args:
        now: what stands in the database, in the form of the fields.
        base: what the form showed when it was opened.
        mine: what was typed.
        version: the version of ``now``, for the form that decides the clashes.

    Raises:
        StaleError: both sides changed a field, differently.
    """
    theirs = {name for name in mine if now[name] != base.get(name, now[name])}
    clashes = {
        name: (now[name], mine[name]) for name in theirs if mine[name] not in (base.get(name), now[name])
    }
    if clashes:
        raise StaleError(clashes, version=version)
    return {name: now[name] if name in theirs else value for name, value in mine.items()}


def version_in(text: str | None) -> int:
    """The version a form was opened with; 0, which no row has, when what came back is no version."""
    typed = text or ""
    return int(typed) if typed.isdecimal() and len(typed) < 10 else 0
