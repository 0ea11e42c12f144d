"""Cells of a page as text, and the rows as one piece of markup.

Writing fifty rows cell by cell costs a template a millisecond, most of it in escaping each small text. Here the texts of a page
are escaped in one call, and the template writes one row, with %s where texts go, for all of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from flask import current_app
from markupsafe import Markup, escape

from portal.core import formats
from portal.core.listing.columns import Column
from portal.core.listing.filters import request_choices
from portal.core.masking import mask

NOTHING = "–"
PATTERNS = "components/_list_row.html"
# Keeps texts apart while they are escaped together; it is no character of any text.
BETWEEN = "\x1f"

Values = Mapping[str, Any]
Writer = Callable[[Values], str | None]


class TableRow(NamedTuple):
    """One row of a page, as text."""

    key: int
    url: str | None
    cells: list[str]
    values: Values


class PatternColumn(NamedTuple):
    css: str
    label: str


def writers(columns: Sequence[Column]) -> list[Writer]:
    """One function per column that writes a row's value as people read it."""
    return [_words(column) for column in columns]


def rows_markup(columns: Sequence[Column], rows: Sequence[TableRow], *, selects: bool) -> Markup:
    """The rows of the table, filled into the patterns of the template."""
    macros: Any = current_app.jinja_env.get_template(PATTERNS).module
    pattern = str(
        macros.row([PatternColumn(_css(each), each.label.replace("%", "%%")) for each in columns], selects)
    )
    link, time = str(macros.link()), str(macros.time())
    times = [
        position for position, column in enumerate(columns) if column.kind == "time" and column.text is None
    ]
    changes = [position for position, column in enumerate(columns) if column.kind == "change"]
    states = [
        (position, column)
        for position, column in enumerate(columns)
        if column.kind == "state" and column.text is None
    ]
    texts, badges = _escaped(columns, rows, times), _badges()
    width, shown = len(columns), len(columns) + 2 + 2 * len(times)
    written = []
    for number, row in enumerate(rows):
        own = texts[number * shown : (number + 1) * shown]
        filled, key, url = own[:width], own[width], own[width + 1]
        for place, position in enumerate(times):
            stamp = own[width + 2 + 2 * place]
            if stamp:
                filled[position] = time % (stamp, own[width + 3 + 2 * place], filled[position])
        for position in changes:
            if filled[position] == NOTHING:
                filled[position] = ""
        for position, column in states:
            filled[position] = _badge(badges, column.badge, row.values.get(column.key)) or filled[position]
        name = filled[0]
        if row.url is not None:
            filled[0] = link % (url, name)
        written.append(pattern % ((key, name, *filled) if selects else tuple(filled)))
    return Markup("".join(written))


def plain_value(column: Column, values: Values, *, reveal: bool = False) -> str:
    """The same value for a file: numbers and times as machines read them, personal data masked unless revealed."""
    if column.text is not None:
        return column.text(values) or ""
    value = values.get(column.key)
    if value is None:
        return ""
    if column.personal is not None and not reveal:
        return mask(str(value), column.personal) or ""
    if column.names is not None:
        return dict(request_choices(column.key, column.names)).get(str(value), "")
    if isinstance(value, dt.datetime):
        return formats.iso(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:f}" if column.kind in ("money", "number") and not isinstance(value, int) else str(value)


def _escaped(columns: Sequence[Column], rows: Sequence[TableRow], times: Sequence[int]) -> list[str]:
    """Every text of the rows, escaped in one call: the cells, key, address, and for each time its stamp and its title."""
    zone, keys = formats.current_region().zone, [columns[position].key for position in times]
    texts: list[str] = []
    for row in rows:
        texts += row.cells
        texts += (str(row.key), row.url or "")
        for key in keys:
            moment = row.values.get(key)
            texts += (formats.iso(moment), f"{formats.when_long(moment)} {zone}")
    joined = BETWEEN.join(texts)
    if joined.count(BETWEEN) != len(texts) - 1:
        joined = BETWEEN.join(text.replace(BETWEEN, " ") for text in texts)
    return str(escape(joined)).split(BETWEEN)


def _words(column: Column) -> Writer:
    key, currency_key = column.key, column.currency or ""
    if column.text is not None:
        return column.text
    if column.names is not None:
        words = dict(request_choices(column.key, column.names))
        return lambda values: words.get(str(values.get(key)))
    if column.personal is not None:
        category = column.personal
        return lambda values: mask(values.get(key), category)
    match column.kind:
        case "money":
            return lambda values: (
                formats.money(values[key], values[currency_key]) if values.get(key) is not None else None
            )
        case "number":
            return lambda values: formats.number(values[key]) if values.get(key) is not None else None
        case "change":
            return lambda values: formats.change(values.get(key))
        case "day":
            return lambda values: formats.day(values[key]) if values.get(key) is not None else None
        case "time":
            return lambda values: formats.when(values.get(key))
        case "flag":
            return lambda values: "Yes" if values.get(key) else "No"
    return lambda values: None if values.get(key) is None else str(values[key])


def _badges() -> dict[tuple[str, str | None], str]:
    """The badges drawn so far, by state and kind."""
    drawn: dict[tuple[str, str | None], str] = current_app.extensions.setdefault("portal_list_badges", {})
    return drawn


def _badge(drawn: dict[tuple[str, str | None], str], kind: str | None, state: str | None) -> str | None:
    if state is None:
        return None
    badge = drawn.get((state, kind))
    if badge is None:
        macros: Any = current_app.jinja_env.get_template("components/badge.html").module
        badge = drawn[state, kind] = str(macros.badge(state, kind=kind))
    return badge


def _css(column: Column) -> str:
    words = ["num"] if column.is_right_aligned else []
    words += ["change"] if column.kind == "change" else []
    words += ["code"] if column.kind == "code" else []
    words += [] if column.card else ["only-wide"]
    return " ".join(words)
