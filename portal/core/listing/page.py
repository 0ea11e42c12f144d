"""A page of a list as its template needs it: everything is worked out here, the template only writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from flask import g
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from portal.core import formats
from portal.core.listing.cells import NOTHING, TableRow, rows_markup, writers
from portal.core.listing.columns import Column
from portal.core.listing.cursor import Cursor, seal, unseal
from portal.core.listing.dates import PERIODS, RELATIVE
from portal.core.listing.declaration import BulkAction, Listing
from portal.core.listing.filters import Filter
from portal.core.listing.state import ListState, Term, encode_state, pairs, query_string, read_state
from portal.core.listing.statements import CAP, ROW_KEY, ROW_SORT, Reading, Row, TooSlowError, bounded
from portal.core.listing.views import View, views_for

TOO_SLOW = "This took longer than two seconds and was stopped. Narrow your filters: a shorter period or one more condition helps most."
LOST_PLACE = "The place you were at could not be found again, so this is the first page."


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a list is read."""

    user_id: int | None = None
    role_id: int | None = None
    permissions: frozenset[str] = frozenset()


class ColumnView(NamedTuple):
    key: str
    label: str
    css: str
    sort_url: str | None
    direction: str


class ChipView(NamedTuple):
    text: str
    remove_url: str


class GroupView(NamedTuple):
    number: int
    text: str
    chips: list[ChipView]


@dataclass(frozen=True, slots=True)
class TabView:
    label: str
    url: str
    active: bool
    count: int | None = None


@dataclass
class Page:
    """One page of a list. Made by `Page.read`; the templates in `templates/components/_list_*.html` are its only readers."""

    listing: Listing
    state: ListState
    viewer: Viewer
    path: str
    views: list[View]
    rows: list[TableRow]
    counted: int | None
    messages: list[str]
    is_slow: bool = False
    after: str | None = None
    before: str | None = None

    @classmethod
    def read(
        cls,
        listing: Listing,
        arguments: Mapping[str, str] | MultiDict[str, str],
        *,
        path: str,
        viewer: Viewer,
        with_views: bool = True,
    ) -> Page:
        """Read what the arguments ask for. Wrong filters and lost places become messages; the list still shows."""
        args = arguments if isinstance(arguments, MultiDict) else MultiDict(arguments)
        # A fragment has no tabs; it needs the views only to open one.
        views = views_for(listing, viewer.user_id, viewer.role_id) if with_views or args.get("view") else []
        state = _with_view(listing, args, views, viewer)
        page = cls(listing, state, viewer, path, views, [], None, list(state.messages))
        page._fill()
        return page

    @property
    def title(self) -> str:
        return self.listing.title

    @cached_property
    def columns(self) -> list[Column]:
        return [self.listing.columns_by_key[key] for key in self.state.columns]

    @cached_property
    def encoded(self) -> str:
        return encode_state(self.listing, self.state)

    @property
    def canonical_url(self) -> str:
        return self.url_for(self.state, place=True)

    @property
    def is_filtered(self) -> bool:
        return bool(self.state.terms or self.state.query)

    @property
    def clear_url(self) -> str:
        return self.url_for(replace(self.state, terms=(), query="", view=None, after=None, before=None))

    @property
    def next_url(self) -> str | None:
        return (
            self.url_for(replace(self.state, after=self.after, before=None), place=True)
            if self.after
            else None
        )

    @property
    def previous_url(self) -> str | None:
        return (
            self.url_for(replace(self.state, before=self.before, after=None), place=True)
            if self.before
            else None
        )

    @property
    def first_url(self) -> str:
        return self.url_for(replace(self.state, after=None, before=None))

    @property
    def count_text(self) -> str:
        """As the pager says it: "1 order", "10,000+ orders"."""
        if self.counted is None:
            return self.listing.noun[1]
        return f"{formats.capped(self.counted, CAP)} {self.listing.noun[0] if self.counted == 1 else self.listing.noun[1]}"

    @property
    def body(self) -> Markup:
        """The rows of the table."""
        with formats.in_region(formats.current_region()):
            return rows_markup(self.columns, self.rows, selects=bool(self.bulk))

    @cached_property
    def hidden_fields(self) -> list[tuple[str, str]]:
        """The state as hidden inputs of a form that adds to it."""
        return pairs(self.listing, self.state)

    def fields_without(self, *names: str) -> list[tuple[str, str]]:
        return [pair for pair in self.hidden_fields if pair[0] not in names]

    @cached_property
    def heads(self) -> list[ColumnView]:
        return [self._head(column) for column in self.columns]

    @cached_property
    def groups(self) -> list[GroupView]:
        """The filters as a sentence: each group is a clause, its chips the alternatives."""
        found = []
        for number, terms in self.state.groups.items():
            found.append(
                GroupView(
                    number,
                    _clause(self.listing, terms),
                    [self._chip(terms, term, i) for i, term in enumerate(terms)],
                )
            )
        return found

    @cached_property
    def tabs(self) -> list[TabView]:
        everything = TabView("All", self.path, self.state.view is None and not self.is_filtered)
        saved = [
            TabView(view.name, f"{self.path}?view={view.id}", self.state.view == view.id)
            for view in self.views
        ]
        return [everything, *saved] if saved or not everything.active else [everything]

    @cached_property
    def own_view(self) -> View | None:
        return next((view for view in self.views if view.id == self.state.view and view.is_own), None)

    @cached_property
    def filters(self) -> list[Filter]:
        return [
            each
            for each in self.listing.filters
            if not each.permission or each.permission in self.viewer.permissions
        ]

    @cached_property
    def bulk(self) -> list[BulkAction]:
        return [action for action in self.listing.bulk if action.permission in self.viewer.permissions]

    @property
    def can_export(self) -> bool:
        return self.listing.exportable and "lists.export" in self.viewer.permissions

    @property
    def has_personal_columns(self) -> bool:
        return any(column.personal for column in self.columns)

    @property
    def date_choices(self) -> list[tuple[str, str]]:
        """Relative dates for a date filter, each as comparison and value in one."""
        return [
            ("", "any time"),
            *((f"last.{key}", words) for key, words in RELATIVE.items()),
            *((f"in.{key}", words) for key, words in PERIODS.items()),
        ]

    @property
    def shows_choice(self) -> list[tuple[str, str, bool]]:
        """The columns menu: key, label, shown."""
        return [
            (column.key, column.label, column.key in self.state.columns) for column in self.listing.columns
        ]

    @property
    def sort_choices(self) -> list[tuple[str, str, bool]]:
        """For narrow screens, where there is no head: value, words, chosen."""
        found = []
        for column in self.listing.columns:
            if column.sort:
                ups = (
                    ("A to Z", "Z to A")
                    if column.kind in ("text", "code", "state", "country")
                    else ("low to high", "high to low")
                )
                if column.kind in ("time", "day") or column.sort.expression is self.listing.row_key:
                    ups = ("oldest first", "newest first")
                found += [
                    (column.key, f"{column.label}, {ups[0]}", self.state.sort == column.key),
                    ("-" + column.key, f"{column.label}, {ups[1]}", self.state.sort == "-" + column.key),
                ]
        return found

    def url_for(self, state: ListState, *, place: bool = False) -> str:
        return self.path + query_string(self.listing, state, place=place)

    def _fill(self) -> None:
        reading = Reading(self.listing, self.state)
        try:
            with bounded(reading.is_bounded):
                rows = self._place(reading)
                self._add_extras(rows)
        except TooSlowError:
            self.is_slow = True
            self.messages.append(TOO_SLOW)

    def _place(self, reading: Reading) -> list[Row]:
        size, about = self.listing.page_size, (self.listing.key, self.state.sort)
        token = self.state.after or self.state.before
        cursor = unseal(token, about) if token else None
        if token and cursor is None:
            self.messages.append(LOST_PLACE)
            self.state = replace(self.state, after=None, before=None)
        backward = cursor is not None and self.state.before is not None
        rows = reading.rows(cursor, size + 1, backward=backward)
        if cursor is not None and (len(rows) <= size if backward else not rows):
            # Going back reached the beginning, or going on passed the end: show a full first page instead of a stump.
            cursor, backward = None, False
            self.state = replace(self.state, after=None, before=None)
            rows = reading.rows(None, size + 1)
        more = len(rows) > size
        rows = (rows[-size:] if backward else rows[:size]) if more else rows
        self.counted = (
            cursor.counted
            if cursor is not None and cursor.counted is not None
            else self._count(reading, rows, more)
        )
        if rows and (more or backward):
            self.after = self._seal(rows[-1], about)
        if rows and (cursor is not None and (not backward or more)):
            self.before = self._seal(rows[0], about)
        return rows

    def _count(self, reading: Reading, rows: Sequence[Row], more: bool) -> int:
        return reading.count() if more or self.state.after or self.state.before else len(rows)

    def _seal(self, row: Row, about: tuple[str, str]) -> str:
        values = row._mapping
        return seal(Cursor(values[ROW_SORT], values[ROW_KEY], self.counted), about)

    def _add_extras(self, rows: Sequence[Row]) -> None:
        shown, write = set(self.state.columns), writers(self.columns)
        values = complete(self.listing, [dict(row._mapping) for row in rows], shown)
        link, suffix = self.listing.link, "list=" + self.encoded
        # The region is looked up once for all cells.
        with formats.in_region(formats.current_region()):
            for each in values:
                url = link(each) if link else None
                if url is not None:
                    url = f"{url}{'&' if '?' in url else '?'}{suffix}"
                self.rows.append(
                    TableRow(each[ROW_KEY], url, [words(each) or NOTHING for words in write], each)
                )

    def _head(self, column: Column) -> ColumnView:
        css = "num" if column.is_right_aligned else ""
        if column.sort is None:
            return ColumnView(column.key, column.label, css, None, "")
        is_sorted = self.state.sort_key == column.key
        first_descends = column.kind in ("time", "day", "money", "number")
        descends = not self.state.is_descending if is_sorted else first_descends
        sort = f"-{column.key}" if descends else column.key
        direction = ("descending" if self.state.is_descending else "ascending") if is_sorted else ""
        return ColumnView(
            column.key,
            column.label,
            css,
            self.url_for(replace(self.state, sort=sort, after=None, before=None)),
            direction,
        )

    def _chip(self, terms: Sequence[Term], term: Term, position: int) -> ChipView:
        before = terms[position - 1] if position else None
        return ChipView(_words(self.listing, term, before), self.url_for(self.state.without(term)))


def sentence(listing: Listing, state: ListState) -> str:
    """What the rows of a state have in common: "State is Open and Channel is Web or Phone"; empty when nothing."""
    clauses = [_clause(listing, terms) for terms in state.groups.values()]
    if state.query:
        clauses.insert(0, f"{listing.quick_label} is “{state.query}”")
    return " and ".join(clauses)


def _clause(listing: Listing, terms: Sequence[Term]) -> str:
    return " or ".join(_words(listing, term, terms[i - 1] if i else None) for i, term in enumerate(terms))


def _words(listing: Listing, term: Term, before: Term | None) -> str:
    declared = listing.filters_by_key[term.field]
    value = declared.words(term.operator, term.value)
    if before is not None and (before.field, before.operator) == (term.field, term.operator):
        return value
    return f"{declared.label} {declared.operators[term.operator]} {value}"


def complete(listing: Listing, values: list[dict[str, Any]], shown: set[str]) -> list[dict[str, Any]]:
    """Add what extras bring to rows of values, one statement per extra that a shown column needs."""
    keys = [each[ROW_KEY] for each in values]
    for extra in listing.extras:
        if keys and shown.intersection(extra.columns):
            brought = extra.load(keys)
            for each in values:
                each.update(brought.get(each[ROW_KEY], {}))
    return values


def request_viewer() -> Viewer:
    """The person of the request."""
    identity = g.get("identity")
    if identity is None:
        return Viewer()
    return Viewer(identity.id, identity.role_id, frozenset(g.get("permissions", ())))


def _with_view(
    listing: Listing, args: MultiDict[str, str], views: Sequence[View], viewer: Viewer
) -> ListState:
    """A view alone stands for what it holds; with anything beside it, the address counts and the view is only the open tab."""
    state = read_state(listing, args, viewer.permissions)
    if state.view is None:
        return state
    view = next((each for each in views if each.id == state.view), None)
    if view is None:
        return replace(
            state,
            view=None,
            messages=(*state.messages, "That view is gone, or is not shared with your role."),
        )
    if any(name in args for name in ("f", "sort", "cols", "q", "add")):
        return state
    held = read_state(listing, view.arguments, viewer.permissions)
    return replace(held, view=view.id, after=state.after, before=state.before)
