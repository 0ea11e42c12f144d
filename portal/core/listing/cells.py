"""Cells of a page as text, and the rows as one piece of markup.

Writing fifty rows cell by cell costs a template a millisecond, most of it in escaping each small text. Here the texts of a page
are escaped in one call, and the template writes one row, with %s where texts go, for all of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
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
Writer = Callable[[Values], str]


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
    return [_writer(column) for column in columns]


def rows_markup(columns: Sequence[Column], rows: Sequence[TableRow], *, selects: bool) -> Markup:
    """The rows of the table, filled into the patterns of the template."""
    macros: Any = current_app.jinja_env.get_template(PATTERNS).module
    row_pattern = str(macros.row([PatternColumn(_css(each), each.label.replace("%", "%%")) for each in columns], selects))
    link, time = str(macros.link()), str(macros.time())
    texts = iter(_escaped(_texts(columns, rows, selects=selects)))
    written = []
    for row in rows:
        filled = []
        if selects:
            filled += [next(texts), next(texts)]
        for position, column in enumerate(columns):
            text = next(texts)
            if _is_time(column):
                stamp, title = next(texts), next(texts)
                text = time % (stamp, title, text) if stamp else text
            elif _is_state(column):
                text = _badge(column, row.values.get(column.key)) or text
            filled.append(link % (next(texts), text) if position == 0 and row.url is not None else text)
        written.append(row_pattern % tuple(filled))
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


def _texts(columns: Sequence[Column], rows: Sequence[TableRow], *, selects: bool) -> Iterable[str]:
    """Every text in the order in which `rows_markup` takes them."""
    times = [_is_time(column) for column in columns]
    zone = formats.current_region().zone
    for row in rows:
        if selects:
            yield str(row.key)
            yield row.cells[0]
        for position, (column, text) in enumerate(zip(columns, row.cells, strict=True)):
            yield text
            if times[position]:
                moment = row.values.get(column.key)
                yield formats.iso(moment)
                yield f"{formats.when_long(moment)} {zone}"
            if position == 0 and row.url is not None:
                yield row.url


def _escaped(texts: Iterable[str]) -> list[str]:
    return str(escape(BETWEEN.join(text.replace(BETWEEN, " ") if BETWEEN in text else text for text in texts))).split(BETWEEN)


def _writer(column: Column) -> Writer:
    words = _words(column)
    return lambda values: words(values) or NOTHING


def _words(column: Column) -> Callable[[Values], str | None]:
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
            return lambda values: formats.money(values[key], values[currency_key]) if values.get(key) is not None else None
        case "number":
            return lambda values: formats.number(values[key]) if values.get(key) is not None else None
        case "day":
            return lambda values: formats.day(values[key]) if values.get(key) is not None else None
        case "time":
            return lambda values: formats.when(values.get(key))
        case "flag":
            return lambda values: "Yes" if values.get(key) else "No"
    return lambda values: None if values.get(key) is None else str(values[key])


def _badge(column: Column, state: str | None) -> str | None:
    if state is None:
        return None
    badges: dict[tuple[str, str | None], str] = current_app.extensions.setdefault("portal_list_badges", {})
    drawn = badges.get((state, column.badge))
    if drawn is None:
        macros: Any = current_app.jinja_env.get_template("components/badge.html").module
        drawn = badges[state, column.badge] = str(macros.badge(state, kind=column.badge))
    return drawn


def _is_time(column: Column) -> bool:
    return column.kind == "time" and column.text is None


def _is_state(column: Column) -> bool:
    return column.kind == "state" and column.text is None


def _css(column: Column) -> str:
    words = ["num"] if column.is_right_aligned else []
    words += ["code"] if column.kind == "code" else []
    words += [] if column.card else ["only-wide"]
    return " ".join(words)
