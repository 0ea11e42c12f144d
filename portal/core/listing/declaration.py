"""A list as its owner declares it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from flask import g, url_for

from portal.core.listing.columns import Column, Extra, Sort
from portal.core.listing.filters import Condition, Filter

RowLink = Callable[[Mapping[str, Any]], str]


# Letters, digits and hyphens, with a digit among them: such a value is no word of an address.
PLAIN: Final = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9-]+")


def link_to(endpoint: str, parameter: str, column: str) -> RowLink:
    """Links of rows that differ in one value: `link_to("orders.order", "number", "number")`.

    The address is built once per page and the value put into it; building each costs a list of fifty a millisecond.
    """

    def address(row: Mapping[str, Any]) -> str:
        pieces: dict[tuple[str, type], tuple[str, str]] = g.setdefault("list_links", {})
        value = row[column]
        if not PLAIN.fullmatch(str(value)):
            # What an address cannot hold as it stands is for the converter of the route.
            odd: dict[str, Any] = {parameter: value}
            return url_for(endpoint, **odd)
        around = pieces.get((endpoint, type(value)))
        if around is None:
            stand_in: Any = 7_000_000_000_000_007 if isinstance(value, int) else "stand-in-7000007"
            given: dict[str, Any] = {parameter: stand_in}
            before, _, after = url_for(endpoint, **given).partition(str(stand_in))
            around = pieces[endpoint, type(value)] = before, after
        return f"{around[0]}{value}{around[1]}"

    return address


@dataclass(frozen=True, slots=True)
class BulkAction:
    """What can be done with the selected rows: a button in the bar that posts `list`, `key` (repeated) or `all=1` to an endpoint."""

    label: str
    endpoint: str
    permission: str


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One list: what it reads, shows, filters and sorts. Declare it once, at the start, with `register_listing`.

    Args:
        key: name in addresses and exports ("orders").
        title: heading ("Orders").
        permission: who may see it ("orders.view").
        source: table, or tables joined; every join carries `merchant_id` on both sides.
        tenant: the `merchant_id` column of the leading table.
        row_key: unique bigint of a row, the tie-break of every sort.
        columns: in order; the first is the link.
        default_sort: column key, with "-" for descending.
        filters: in the order of the bar.
        always: further conditions of every read, made per request.
        hidden: values every row needs though no column shows them (ids for the link, the currency of an amount).
        link: the address of a row; gets the row's values by key, columns, hidden ones and `row_key`.
        extras: values fetched for the keys of a page in one more statement.
        windowed: `row_key` is the time-ordered id of a partitioned table; the newest window is read first and widened.
        quick: condition for what is typed into the small search field, and `quick_label`, what it looks through.
        noun: one and many ("order", "orders").
        empty: what this list is and the one thing to do, shown while nothing has ever been in it: (text, endpoint, label).
        bulk: what can be done with selected rows.
        exportable: offers "Export" to those who may lists.export.
    """

    key: str
    title: str
    permission: str
    source: sa.FromClause
    tenant: sa.ColumnElement[int]
    row_key: sa.ColumnElement[int]
    columns: Sequence[Column]
    default_sort: str
    filters: Sequence[Filter] = ()
    always: Callable[[], Sequence[Condition]] | None = None
    hidden: Mapping[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    link: RowLink | None = None
    extras: Sequence[Extra] = ()
    windowed: bool = False
    quick: Callable[[str], Condition | None] | None = None
    quick_label: str = "Search"
    noun: tuple[str, str] = ("row", "rows")
    empty: tuple[str, str | None, str | None] = ("Nothing is here yet.", None, None)
    bulk: Sequence[BulkAction] = ()
    exportable: bool = True
    page_size: int = 50

    def __post_init__(self) -> None:
        keys = [column.key for column in self.columns] + list(self.hidden)
        if len(set(keys)) != len(keys) or any("." in key or "," in key for key in keys):
            raise ValueError(f"{self.key}: column keys must differ, and hold no full stop and no comma.")
        brought = {key for extra in self.extras for key in extra.columns}
        for column in self.columns:
            if (column.value is None) != (column.key in brought) and column.text is None:
                raise ValueError(f"{self.key}.{column.key}: give it a value, or bring it by an Extra.")
            if column.value is None and column.sort is not None:
                raise ValueError(f"{self.key}.{column.key}: only what the select fetches can sort.")
        self.sort_of(self.default_sort.removeprefix("-"))

    @cached_property
    def columns_by_key(self) -> dict[str, Column]:
        return {column.key: column for column in self.columns}

    @cached_property
    def filters_by_key(self) -> dict[str, Filter]:
        return {each.key: each for each in self.filters}

    @cached_property
    def default_columns(self) -> tuple[str, ...]:
        return tuple(column.key for column in self.columns if column.default)

    def sort_of(self, key: str) -> Sort:
        """How a column sorts.

        Raises:
            KeyError: it does not.
        """
        sort = self.columns_by_key[key].sort
        if sort is None:
            raise KeyError(key)
        return sort

    def named_indexes(self) -> dict[str, str]:
        """Every index the list counts on, by what it serves; a test compares them with the catalogue."""
        named = {
            f"sort {column.key}": column.sort.index
            for column in self.columns
            if column.sort and column.sort.index
        }
        return named | {f"filter {each.key}": each.index for each in self.filters if each.index}
