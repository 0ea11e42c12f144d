"""Beyond one page: the rows before and after a row, and all rows that match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.listing.cursor import Cursor
from portal.core.listing.declaration import Listing
from portal.core.listing.page import TOO_SLOW, request_viewer, sentence
from portal.core.listing.state import ListState, decode_state, query_string
from portal.core.listing.statements import ROW_KEY, ROW_SORT, Reading, Row, TooSlowError, bounded

BATCH = 1000
MOST_SELECTED = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """What a bulk action is about: rows chosen one by one, or, when `state` is set, all that match it."""

    keys: tuple[int, ...]
    state: str | None


def neighbours(listing: Listing, key: int, encoded: str | None) -> tuple[str | None, str | None]:
    """The addresses of the rows before and after a row, in the list it was opened from (`?list=`).

    (None, None) when it was opened from elsewhere, or when looking would take too long.
    """
    state = decode_state(listing, encoded, request_viewer().permissions) if encoded and listing.link else None
    if state is None:
        return None, None
    reading = Reading(listing, state)
    try:
        with bounded(reading.is_bounded):
            row = reading.row(key)
            if row is None:
                return None, None
            here = Cursor(row._mapping[ROW_SORT], key)
            before, after = reading.rows(here, 1, backward=True), reading.rows(here, 1)
    except TooSlowError:
        return None, None
    return _address(listing, before, encoded), _address(listing, after, encoded)


def list_address(listing: Listing, path: str, encoded: str | None) -> str:
    """The list that a page was opened from (`?list=`), filtered and sorted as it was; the whole list when from elsewhere."""
    state = decode_state(listing, encoded, request_viewer().permissions) if encoded else None
    return path + query_string(listing, state) if state is not None else path


def selection_of(listing: Listing, form: Mapping[str, str]) -> Selection:
    """What the bulk bar sent: `key` for every chosen row, or `all` with the state of the list.

    Raises:
        DomainError: nothing was chosen.
    """
    if form.get("all"):
        encoded = form.get("list", "")
        if decode_state(listing, encoded, request_viewer().permissions) is None:
            raise DomainError("The list could not be read. Open it again and select once more.")
        return Selection((), encoded)
    getlist = getattr(form, "getlist", None)
    texts = getlist("key") if getlist else [form["key"]] if "key" in form else []
    keys = tuple(
        dict.fromkeys(int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 20)
    )
    if not keys:
        raise DomainError(f"Select at least one {listing.noun[0]} first.")
    if len(keys) > MOST_SELECTED:
        raise DomainError(
            f"{len(keys):,} {listing.noun[1]} are selected; {MOST_SELECTED:,} can be ticked one by one. "
            "Narrow the list and choose all that match."
        )
    return Selection(keys, None)


def first_keys(listing: Listing, encoded: str, most: int) -> list[int]:
    """The keys of up to *most* rows that match the state, in the order of the list, read while a person waits.

    Raises:
        DomainError: the state is none, or two seconds were not enough.
    """
    statement = Reading(listing, _whole_state(listing, encoded, request_viewer().permissions)).keys()
    try:
        with bounded(True):
            return list(db.session.connection().execute(statement.limit(most)).scalars())
    except TooSlowError as error:
        raise DomainError(TOO_SLOW) from error


def sentence_of(listing: Listing, encoded: str) -> str:
    """The conditions of a state in words; empty when all rows match."""
    return sentence(listing, _whole_state(listing, encoded, request_viewer().permissions))


def frozen_keys(
    listing: Listing, encoded: str, permissions: frozenset[str] = frozenset()
) -> Iterator[list[int]]:
    """The keys of all rows that match the state, in batches, from one snapshot, through a server-side cursor.

    A job writes them down first and works on what it wrote: rows that begin to match later are not touched.

    Raises:
        DomainError: the state is none.
    """
    state = _whole_state(listing, encoded, permissions)
    statement = Reading(listing, state).keys().execution_options(yield_per=BATCH)
    with db.session.connection().execute(statement) as result:
        for batch in result.scalars().partitions():
            yield list(batch)


def _whole_state(listing: Listing, encoded: str, permissions: frozenset[str]) -> ListState:
    state = decode_state(listing, encoded, permissions)
    if state is None or state.messages:
        # A condition that is left out would widen the selection.
        raise DomainError(
            "The list this was started from could not be read. Open it again and start once more."
        )
    return state


def _address(listing: Listing, rows: list[Row], encoded: str | None) -> str | None:
    if not rows or listing.link is None:
        return None
    values: dict[str, Any] = dict(rows[0]._mapping)
    assert ROW_KEY in values
    url = listing.link(values)
    return f"{url}{'&' if '?' in url else '?'}list={encoded}"
