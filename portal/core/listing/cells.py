"""Cells of a page as strings, written in one pass before the template runs, so that fifty rows cost one plain loop."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from flask import current_app
from markupsafe import Markup

from portal.core import formats
from portal.core.listing.columns import Column
from portal.core.masking import mask

NOTHING = "–"


class Cell(NamedTuple):
    """What the template writes: `kind` chooses the element, `text` is escaped by it unless it is markup."""

    kind: str
    css: str
    label: str
    text: str
    title: str = ""
    stamp: str = ""


Values = Mapping[str, Any]
Writer = Callable[[Values], Cell]


def writers(columns: Sequence[Column]) -> list[Writer]:
    """One function per column that makes the cell of a row."""
    return [_writer(column) for column in columns]


def plain_value(column: Column, values: Values, *, reveal: bool = False) -> str:
    """The same value for a file: numbers and times as machines read them, personal data masked unless revealed."""
    if column.text is not None:
        return column.text(values) or ""
    value = values.get(column.key)
    if value is None:
        return ""
    if column.personal is not None and not reveal:
        return mask(str(value), column.personal) or ""
    if isinstance(value, dt.datetime):
        return formats.iso(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:f}" if column.kind in ("money", "number") and not isinstance(value, int) else str(value)


def _writer(column: Column) -> Writer:
    css, label, key = _css(column), column.label, column.key
    if column.kind == "time" and column.text is None:
        return lambda values: _time(css, label, values.get(key))
    if column.kind == "state" and column.text is None:
        badges: dict[Any, Cell] = {}
        return lambda values: badges.get(values.get(key)) or badges.setdefault(values.get(key), _state(css, label, column, values.get(key)))
    words = _words(column)
    return lambda values: Cell("text", css, label, words(values) or NOTHING)


def _words(column: Column) -> Callable[[Values], str | None]:
    key, currency_key = column.key, column.currency or ""
    if column.text is not None:
        return column.text
    if column.personal is not None:
        category = column.personal
        return lambda values: mask(values.get(key), category)
    match column.kind:
        case "money":
            return lambda values: formats.money(values.get(key), values[currency_key]) if values.get(key) is not None else None
        case "number":
            return lambda values: formats.number(values.get(key)) if values.get(key) is not None else None
        case "day":
            return lambda values: formats.day(values.get(key)) if values.get(key) is not None else None
        case "flag":
            return lambda values: "Yes" if values.get(key) else "No"
    return lambda values: None if values.get(key) is None else str(values[key])


def _time(css: str, label: str, moment: dt.datetime | None) -> Cell:
    if moment is None:
        return Cell("text", css, label, NOTHING)
    zone = formats.current_region().zone
    return Cell("time", css, label, formats.when(moment), f"{formats.when_long(moment)} {zone}", formats.iso(moment))


def _state(css: str, label: str, column: Column, state: str | None) -> Cell:
    if state is None:
        return Cell("text", css, label, NOTHING)
    badge: Any = current_app.jinja_env.get_template("components/badge.html").module
    return Cell("text", css, label, Markup(badge.badge(state, kind=column.badge)))


def _css(column: Column) -> str:
    words = ["num"] if column.is_right_aligned else []
    words += ["code"] if column.kind == "code" else []
    words += [] if column.card else ["only-wide"]
    return " ".join(words)
