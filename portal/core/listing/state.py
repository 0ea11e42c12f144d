"""The state of a list is its address: filters, sort, columns, view and place, read leniently and written in one form.

    f=1.status.is.paid&f=1.status.is.authorised&f=2.placed.last.7d&sort=-placed&cols=number,total

Conditions of the same group number are alternatives, groups must all hold. What cannot be read is left out, and said.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qs, urlencode

from werkzeug.datastructures import MultiDict

from portal.core.listing.declaration import Listing
from portal.core.listing.filters import LONGEST_VALUE, Condition, FilterValueError
from portal.core.normalise import clean

MOST_CONDITIONS: Final = 40
LONGEST_STATE: Final = 6000
# The decoder drops what it does not know; a word that is not whole must not open as the unfiltered list.
ENCODED: Final = re.compile(r"[A-Za-z0-9_-]{2,}")
STATE_KEYS: Final = ("f", "sort", "cols", "q", "view")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition as it stands in the address."""

    group: int
    field: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.group}.{self.field}.{self.operator}.{self.value}"


@dataclass(frozen=True, slots=True)
class ListState:
    """What the person chose. `messages` are sentences about what could not be used."""

    terms: tuple[Term, ...]
    sort: str
    columns: tuple[str, ...]
    query: str = ""
    view: int | None = None
    after: str | None = None
    before: str | None = None
    messages: tuple[str, ...] = field(default=(), compare=False)

    @property
    def sort_key(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def groups(self) -> dict[int, list[Term]]:
        """The terms by group, groups in the order of their numbers."""
        grouped: dict[int, list[Term]] = {}
        for term in sorted(self.terms, key=lambda term: term.group):
            grouped.setdefault(term.group, []).append(term)
        return grouped

    @property
    def next_group(self) -> int:
        return max((term.group for term in self.terms), default=0) + 1

    def without(self, *terms: Term) -> ListState:
        return replace(
            self, terms=tuple(term for term in self.terms if term not in terms), after=None, before=None
        )

    def with_terms(self, *terms: Term) -> ListState:
        added = tuple(term for term in terms if term not in self.terms)
        return replace(self, terms=self.terms + added, after=None, before=None)


def read_state(
    listing: Listing, arguments: Mapping[str, str] | MultiDict[str, str], permissions: Iterable[str] = ()
) -> ListState:
    """The state in the arguments of a request; whatever is wrong becomes a message, never an error."""
    args = arguments if isinstance(arguments, MultiDict) else MultiDict(arguments)
    messages: list[str] = []
    terms = _read_terms(listing, [*args.getlist("f"), *_added(args)], frozenset(permissions), messages)
    return ListState(
        terms=terms,
        sort=_read_sort(listing, args.get("sort"), messages),
        columns=_read_columns(listing, args.getlist("cols")),
        query=clean(args.get("q", "")).strip()[:LONGEST_VALUE],
        view=_read_view(args.get("view")),
        after=args.get("after"),
        before=args.get("before") if not args.get("after") else None,
        messages=tuple(messages),
    )


def pairs(listing: Listing, state: ListState, *, place: bool = False) -> list[tuple[str, str]]:
    """The state as query parameters, without what is the list's default anyway."""
    written = [("f", str(term)) for term in state.terms]
    if state.view is not None and not written:
        written.append(("f", ""))
    if state.sort != listing.default_sort or state.view is not None:
        written.append(("sort", state.sort))
    if state.columns != listing.default_columns or state.view is not None:
        written.append(("cols", ",".join(state.columns)))
    if state.query:
        written.append(("q", state.query))
    if state.view is not None:
        written.append(("view", str(state.view)))
    if place and state.after:
        written.append(("after", state.after))
    if place and state.before:
        written.append(("before", state.before))
    return written


def query_string(listing: Listing, state: ListState, *, place: bool = False) -> str:
    """The same as text, with "?" in front; empty for the list as it opens."""
    written = pairs(listing, state, place=place)
    return "?" + urlencode(written) if written else ""


def encode_state(listing: Listing, state: ListState) -> str:
    """The state in one word, for a parameter of another address (`?list=`), a form or a job."""
    text = urlencode(pairs(listing, replace(state, view=None)))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode() or "all"


def decode_state(listing: Listing, text: str, permissions: Iterable[str] = ()) -> ListState | None:
    """The state behind the word; None when it is none of ours."""
    if text == "all":
        return read_state(listing, MultiDict(), permissions)
    if len(text) > LONGEST_STATE or not ENCODED.fullmatch(text):
        return None
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        parsed = parse_qs(plain, strict_parsing=True, max_num_fields=MOST_CONDITIONS + len(STATE_KEYS))
    except (ValueError, binascii.Error):
        return None
    return read_state(listing, MultiDict(parsed), permissions)


def conditions_of(listing: Listing, terms: Iterable[Term]) -> list[tuple[Term, ...]]:
    """Terms by (group, field, operator), in order: each becomes one condition of its group."""
    together: dict[tuple[int, str, str], list[Term]] = {}
    for term in terms:
        together.setdefault((term.group, term.field, term.operator), []).append(term)
    return [tuple(group) for group in together.values()]


def condition_of(listing: Listing, terms: tuple[Term, ...]) -> Condition:
    """One condition of terms that share field and operator."""
    declared = listing.filters_by_key[terms[0].field]
    return declared.merge(terms[0].operator, [term.value for term in terms])


def _read_terms(
    listing: Listing, texts: list[str], permissions: frozenset[str], messages: list[str]
) -> tuple[Term, ...]:
    terms: dict[Term, None] = {}
    if len(texts) > MOST_CONDITIONS:
        messages.append(f"A list takes {MOST_CONDITIONS} conditions; the others were left out.")
    for text in texts[:MOST_CONDITIONS]:
        if not text:
            continue
        term = _read_term(listing, text, permissions, messages)
        if term is not None:
            terms[term] = None
    return tuple(terms)


def _read_term(listing: Listing, text: str, permissions: frozenset[str], messages: list[str]) -> Term | None:
    parts = text.split(".", 3)
    if len(parts) != 4 or not parts[0].isascii() or not parts[0].isdigit() or len(parts[0]) > 3:
        messages.append(f"A condition could not be read and was left out: “{clean(text)[:60]}”.")
        return None
    term = Term(int(parts[0]), parts[1], parts[2], parts[3])
    declared = listing.filters_by_key.get(term.field)
    if declared is None or (declared.permission and declared.permission not in permissions):
        messages.append(
            f"{listing.title} cannot be filtered by “{clean(term.field)[:40]}”; that condition was left out."
        )
        return None
    try:
        declared.condition(term.operator, term.value)
    except FilterValueError as error:
        messages.append(f"{error} That condition was left out.")
        return None
    return term


def _added(args: MultiDict[str, str]) -> list[str]:
    """What the "add filter" form sends, which works without JavaScript: field, comparison and values apart."""
    name, operator = args.get("add"), args.get("op", "is")
    numbers = (text.partition(".")[0] for text in args.getlist("f"))
    taken = [int(number) for number in numbers if number.isascii() and number.isdigit()]
    group = args.get("group") or str(max(taken, default=0) + 1)
    if not name:
        return []
    if args.get("when"):
        return [f"{group}.{name}.{args['when']}"]
    return [f"{group}.{name}.{operator}.{value.strip()}" for value in args.getlist("value") if value.strip()]


def _read_sort(listing: Listing, text: str | None, messages: list[str]) -> str:
    if not text:
        return listing.default_sort
    column = listing.columns_by_key.get(text.removeprefix("-"))
    if column is None or column.sort is None:
        messages.append(f"{listing.title} cannot be sorted by “{clean(text)[:40]}”.")
        return listing.default_sort
    return text


def _read_columns(listing: Listing, texts: list[str]) -> tuple[str, ...]:
    chosen = {key for text in texts for key in text.split(",")}
    if not chosen & listing.columns_by_key.keys():
        return listing.default_columns
    first = listing.columns[0].key
    return tuple(column.key for column in listing.columns if column.key in chosen or column.key == first)


def _read_view(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
