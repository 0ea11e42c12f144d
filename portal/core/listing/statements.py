"""The SQL of a list: rows from a place on, the capped count, and the keys of all that match."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import OperationalError

from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.ids import SEQUENCE_BITS, floor_at
from portal.core.listing.columns import Sort
from portal.core.listing.cursor import Cursor
from portal.core.listing.dates import span
from portal.core.listing.declaration import Listing
from portal.core.listing.filters import Bound, Condition, DateFilter
from portal.core.listing.state import ListState, condition_of, conditions_of
from portal.core.tenancy import current_merchant_id

CAP: Final = 10_000
BOUNDED_SECONDS: Final = 2
WINDOWS: Final = tuple(
    int(dt.timedelta(days=days).total_seconds() * 1000) << SEQUENCE_BITS for days in (35, 400)
)
MOST_REMEMBERED: Final = 5_000
REMEMBERED, REMEMBERED_BEYOND_CAP, REMEMBERED_WIDTH = 10.0, 60.0, 60.0
ROW_KEY: Final = "row_key"
ROW_SORT: Final = "row_sort"

Row = sa.Row[Any]

_counts: dict[tuple[Any, ...], tuple[float, int]] = {}
_widths: dict[tuple[Any, ...], tuple[float, int]] = {}
_reading_on: ContextVar[sa.Connection | None] = ContextVar("portal_list_connection", default=None)


class TooSlowError(Exception):
    """The filters leave too much to read within the time a person waits."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A list in a state, ready to be read."""

    listing: Listing
    state: ListState

    @property
    def sort(self) -> Sort:
        return self.listing.sort_of(self.state.sort_key)

    @property
    def is_bounded(self) -> bool:
        """Whether no index is known to serve this combination, so that the reading must stop after two seconds."""
        declared = [self.listing.filters_by_key[term.field] for term in self.state.terms]
        by_default = self.state.sort_key == self.listing.default_sort.removeprefix("-")
        return (
            self.sort.index is None
            or any(each.index is None for each in declared)
            or (bool(declared) and not by_default)
        )

    @property
    def is_windowed(self) -> bool:
        """Whether rows come in the order of their time-ordered key, so that the newest partitions can be read alone."""
        return self.listing.windowed and self.sort.alone and self.sort.expression is self.listing.row_key

    def rows(self, cursor: Cursor | None, limit: int, *, backward: bool = False) -> list[Row]:
        """Up to `limit` rows after the cursor, or before it, in the order of the list."""
        found: list[Row] = []
        for segment in _segments(self, cursor, backward):
            place = cursor if cursor is not None and (cursor.value is None) == (segment is None) else None
            found += self._segment(segment, place, limit - len(found), backward)
            if len(found) >= limit:
                break
        return found[::-1] if backward else found

    def row(self, key: int) -> Row | None:
        """One row by its key, with its sort value, whether the filters let it through or not."""
        statement = self._select().where(
            self.listing.tenant == current_merchant_id(), self.listing.row_key == key
        )
        return execute(statement).one_or_none()

    def count(self) -> int:
        """How many rows match, counted to the cap and one further.

        A count is remembered for seconds, "more than the cap" for a minute: counting costs more than the page it stands under.
        """
        counted = _remembered(_counts, self._asked)
        if counted is None:
            counted = self._count()
            seconds = REMEMBERED_BEYOND_CAP if counted > CAP else REMEMBERED
            _remember(_counts, self._asked, counted, seconds)
        return counted

    @property
    def _asked(self) -> tuple[Any, ...]:
        """What tells one question from another, wherever in the list it is asked."""
        return (current_merchant_id(), self.listing.key, self.state.terms, self.state.query)

    def _count(self) -> int:
        for floor in [*self._floors(None, descending=True)[:1], None] if self.is_windowed else [None]:
            within = _within_floor(floor)
            inner: sa.Select[Any] = (
                sa.select(sa.literal_column("1"))
                .select_from(self.listing.source)
                .where(*self.conditions(within))
            )
            if floor is not None:
                inner = inner.where(within(self.listing.row_key))
            counted: int = execute(
                sa.select(sa.func.count()).select_from(inner.limit(CAP + 1).subquery())
            ).scalar_one()
            if counted > CAP or floor is None:
                return counted
        raise AssertionError("unreachable")

    def everything(self) -> sa.Select[Any]:
        """All rows in the order of the list, for a server-side cursor."""
        sort, descending = self.sort, self.state.is_descending
        return self._select().where(*self.conditions(_anywhere)).order_by(*_order(self, sort, descending))

    def keys(self) -> sa.Select[Any]:
        """The keys of all rows that match, in the order of the list."""
        statement = sa.select(self.listing.row_key.label(ROW_KEY)).select_from(self.listing.source)
        return statement.where(*self.conditions(_anywhere)).order_by(
            *_order(self, self.sort, self.state.is_descending)
        )

    def conditions(self, within: Bound) -> list[Condition]:
        """Whose rows, which rows; `within` bounds the ids of tables that are read through."""
        listing = self.listing
        found: list[Condition] = [listing.tenant == current_merchant_id()]
        if listing.always is not None:
            found += listing.always()
        if self.state.query and listing.quick is not None:
            quick = listing.quick(self.state.query)
            found.append(sa.false() if quick is None else quick)
        for terms in self.state.groups.values():
            alternatives = []
            for same in conditions_of(listing, terms):
                declared, condition = listing.filters_by_key[same[0].field], condition_of(listing, same)
                alternatives.append(declared.through(condition, within) if declared.through else condition)
            found.append(sa.or_(*alternatives) if len(alternatives) > 1 else alternatives[0])
        return found

    def _segment(self, segment: bool | None, cursor: Cursor | None, limit: int, backward: bool) -> list[Row]:
        descending = self.state.is_descending != backward
        # Where no value is, the key alone orders, in the direction of the list.
        sort = self.sort if segment is not None else Sort(self.listing.row_key, None, alone=True)
        if not self.is_windowed:
            return list(execute(self._page(sort, segment, cursor, descending, limit, None)))
        # Rows that are rare are rare a moment later, too: the next page begins with the window that was wide enough.
        edges = [*self._floors(cursor, descending), None]
        first = min(_remembered(_widths, self._asked) or 0, len(edges) - 1)
        rows: list[Row] = []
        for width, edge in enumerate(edges[first:], first):
            rows = list(execute(self._page(sort, segment, cursor, descending, limit, edge)))
            if len(rows) >= limit or edge is None:
                _remember(_widths, self._asked, width, REMEMBERED_WIDTH)
                break
        return rows

    def _page(
        self,
        sort: Sort,
        segment: bool | None,
        cursor: Cursor | None,
        descending: bool,
        limit: int,
        edge: int | None,
    ) -> sa.Select[Any]:
        key = self.listing.row_key
        within = _within_floor(edge) if descending else _within_ceiling(edge)
        statement = self._select().where(*self.conditions(within)).limit(limit)
        if edge is not None:
            statement = statement.where(within(key))
        if self.sort.nullable:
            own = self.sort.expression
            statement = statement.where(own.is_(None) if segment is None else own.is_not(None))
        if cursor is not None:
            statement = statement.where(_beyond(sort, key, cursor, descending))
        return statement.order_by(
            *(each.desc() if descending else each.asc() for each in _sorted_by(sort, key))
        )

    def _select(self) -> sa.Select[Any]:
        listing = self.listing
        values = [listing.columns_by_key[name] for name in self.state.columns]
        chosen = [column.value.label(column.key) for column in values if column.value is not None]
        hidden = [expression.label(name) for name, expression in listing.hidden.items()]
        return sa.select(
            listing.row_key.label(ROW_KEY), self.sort.expression.label(ROW_SORT), *chosen, *hidden
        ).select_from(listing.source)

    def _floors(self, cursor: Cursor | None, descending: bool) -> list[int]:
        """The far edges of the windows to try, nearest first; none when the filters themselves bound the ids."""
        lowest, highest = self._id_bounds()
        if descending:
            start = min(cursor.key if cursor else floor_at(utc_now()), highest or 2**63)
            return [start - width for width in WINDOWS if lowest is None or start - width > lowest]
        start = max(cursor.key if cursor else 0, lowest or 0)
        return [start + width for width in WINDOWS] if start else []

    def _id_bounds(self) -> tuple[int | None, int | None]:
        lowest: int | None = None
        highest: int | None = None
        for terms in self.state.groups.values():
            declared = self.listing.filters_by_key[terms[0].field]
            if len(terms) == 1 and isinstance(declared, DateFilter) and declared.of == "id":
                first, after = span(terms[0].operator, terms[0].value)
                lowest = max(filter(None, [lowest, floor_at(first) if first else None]), default=None)
                highest = min(filter(None, [highest, floor_at(after) if after else None]), default=None)
        return lowest, highest


def among(column: sa.ColumnElement[Any], keys: Sequence[int]) -> Condition:
    """`column` is one of the keys of a page: one parameter however many they are, and bounds that prune partitions."""
    wanted = sa.literal(list(keys), ARRAY(sa.BigInteger()))
    return sa.and_(column == sa.any_(wanted), column.between(min(keys), max(keys)))


def execute(statement: sa.Select[Any]) -> sa.CursorResult[Any]:
    """Run a Core statement in the transaction of the request, or of the export, past the unit of work."""
    return (_reading_on.get() or db.session.connection()).execute(statement)


@contextmanager
def reading_on(connection: sa.Connection) -> Iterator[None]:
    """Read through another connection inside, so that a list and its extras show one moment."""
    token = _reading_on.set(connection)
    try:
        yield
    finally:
        _reading_on.reset(token)


@contextmanager
def bounded(applies: bool) -> Iterator[None]:
    """Stop what is read inside after two seconds.

    The savepoint is rolled back in any case: nothing was written, and the timeout goes with it.

    Raises:
        TooSlowError: the time was up; the transaction of the request is as it was.
    """
    if not applies:
        yield
        return
    connection = db.session.connection()
    savepoint = connection.begin_nested()
    try:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{BOUNDED_SECONDS}s'")
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != "57014":
            raise
        raise TooSlowError from error
    finally:
        savepoint.rollback()


def _remembered(memory: dict[tuple[Any, ...], tuple[float, int]], asked: tuple[Any, ...]) -> int | None:
    until, value = memory.get(asked, (0.0, 0))
    return value if until > time.monotonic() else None


def _remember(
    memory: dict[tuple[Any, ...], tuple[float, int]], asked: tuple[Any, ...], value: int, seconds: float
) -> None:
    if len(memory) > MOST_REMEMBERED:
        memory.clear()
    memory[asked] = (time.monotonic() + seconds, value)


def _segments(reading: Reading, cursor: Cursor | None, backward: bool) -> Sequence[bool | None]:
    """Rows with a value first, rows without one (None) last; a cursor says in which part to begin."""
    if not reading.sort.nullable:
        return [True]
    order: list[bool | None] = [True, None] if not backward else [None, True]
    if cursor is None:
        return order
    is_at_end = (cursor.value is None) != backward
    return order[1:] if is_at_end else order


def _sorted_by(sort: Sort, key: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    return [sort.expression] if sort.alone else [sort.expression, key]


def _order(reading: Reading, sort: Sort, descending: bool) -> list[sa.ColumnElement[Any]]:
    direction: Callable[[sa.ColumnElement[Any]], sa.UnaryExpression[Any]] = sa.desc if descending else sa.asc
    ordered = [direction(each) for each in _sorted_by(sort, reading.listing.row_key)]
    return [ordered[0].nulls_last(), *ordered[1:]] if sort.nullable else list(ordered)


def _beyond(sort: Sort, key: sa.ColumnElement[Any], cursor: Cursor, descending: bool) -> Condition:
    here: sa.ColumnElement[Any] = sort.expression
    place: Any = cursor.key if sort.expression is key else cursor.value
    if not sort.alone:
        here = sa.tuple_(sort.expression, key)
        place = sa.tuple_(
            sa.literal(cursor.value, sort.expression.type), sa.literal(cursor.key, sa.BigInteger())
        )
    beyond: Condition = here < place if descending else here > place
    return beyond


def _anywhere(column: sa.ColumnElement[Any]) -> Condition:
    return sa.true()


def _within_floor(edge: int | None) -> Bound:
    def within(column: sa.ColumnElement[Any]) -> Condition:
        if edge is None:
            return sa.true()
        bound: Condition = column >= edge
        return bound

    return within


def _within_ceiling(edge: int | None) -> Bound:
    def within(column: sa.ColumnElement[Any]) -> Condition:
        if edge is None:
            return sa.true()
        bound: Condition = column <= edge
        return bound

    return within
