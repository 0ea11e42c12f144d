"""Read order lines into a temporary table, refusing each row that cannot be read, with its number and reason.

Cells of a ledger repeat: dates, prices, codes, customers and countries are read once per spelling and remembered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from portal.core.normalise import code_key
from portal.imports.connection import copy_into, copy_text, execute
from portal.imports.history.rules import ChargeRules
from portal.imports.reading.errors import CellError
from portal.imports.reading.table import Table
from portal.imports.reading.values import (
    check_free_text,
    check_text,
    date_parser,
    parse_decimal,
    parse_quantity,
)

LONGEST_REMEMBERED: Final = 100_000
CHUNK: Final = 50_000

_TABLES: Final = (
    """CREATE TEMP TABLE h_row (
        row_no integer NOT NULL, invoice text NOT NULL, sku_key text NOT NULL, code text NOT NULL, charge text,
        description text NOT NULL, quantity integer NOT NULL, at timestamptz NOT NULL, unit_price numeric NOT NULL,
        buyer text NOT NULL, country text NOT NULL)""",
    """CREATE TEMP TABLE h_reject (
        row_no integer NOT NULL, invoice text, field text, reason text NOT NULL, amount numeric NOT NULL DEFAULT 0)""",
)


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """Choices of the mapping page that change how rows are read and written."""

    currency: str
    base_currency: str
    time_zone: str
    date_order: str
    decimal_mark: str
    location_id: int
    state: str = "closed"
    number_prefix: str = ""
    base_rate: str = "1"
    tax_inclusive: bool = False
    charge_codes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, options: dict[str, Any]) -> HistoryOptions:
        """The options as the import keeps them."""
        return cls(**{key: options[key] for key in cls.__slots__ if key in options})


def stage(
    table: Table, mapping: dict[str, int], options: HistoryOptions, tick: Callable[[int], None]
) -> None:
    """Fill ``h_row`` and ``h_reject`` from the file, a chunk per transaction.

    Args:
        tick: called after each chunk with the rows read so far; commits.

    Raises:
        UnreadableFileError: the file as a whole cannot be read.
    """
    for statement in ("DROP TABLE IF EXISTS h_row, h_reject", *_TABLES):
        execute(statement)
    reader = _RowReader(mapping, options, width=len(table.headings))
    rows = table.rows()
    read = 0
    while True:
        # Rejects are few and kept apart, because one COPY fills one table.
        rejects: list[str] = []
        good = _chunk(rows, reader, rejects)
        first = next(good, None)
        if first is None and not rejects:
            break
        if first is not None:
            copy_into("h_row", _with_first(first, good))
        if rejects:
            copy_into("h_reject (row_no, invoice, field, reason, amount)", rejects)
        read = reader.rows_read
        tick(read)


def _with_first(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _chunk(rows: Iterator[tuple[int, list[str]]], reader: _RowReader, rejects: list[str]) -> Iterator[str]:
    for number, cells in islice(rows, CHUNK):
        line = reader.line(number, cells, rejects)
        if line is not None:
            yield line


class _RowReader:
    """Turns cells into COPY lines."""

    def __init__(self, mapping: dict[str, int], options: HistoryOptions, *, width: int) -> None:
        self.rows_read = 0
        self._width = width
        self._place = {
            key: mapping.get(key, -1)
            for key in (
                "order_number",
                "code",
                "description",
                "quantity",
                "at",
                "unit_price",
                "customer",
                "country",
            )
        }
        parse_date = date_parser(options.date_order, options.time_zone)
        mark = options.decimal_mark
        rules = ChargeRules(options.charge_codes)
        self._dates = _Remembered(lambda cell: _instant(parse_date, cell))
        self._prices = _Remembered(lambda cell: format(parse_decimal(cell, mark), "f"))
        self._quantities = _Remembered(lambda cell: _quantity(cell, mark))
        self._codes = _Remembered(lambda cell: _code(cell, rules))
        self._names = _Remembered(_name)
        self._customers = _Remembered(_customer)
        self._invoices = _Remembered(_invoice)

    def line(self, number: int, cells: list[str], rejects: list[str]) -> str | None:
        """The row as a COPY line, or None after adding its refusal to *rejects*."""
        self.rows_read += 1
        place = self._place
        width = self._width
        if len(cells) != width:
            if any(map(str.strip, cells[width:])):
                rejects.append(
                    _reject(
                        number, None, None, f"has {len(cells)} values, the heading has {width}", Decimal(0)
                    )
                )
                return None
            cells = (cells + [""] * width)[:width]
        cells.append("")
        step = "order_number"
        try:
            invoice = self._invoices[cells[place[step]]]
            step = "code"
            code = self._codes[cells[place[step]]]
            step = "quantity"
            quantity = self._quantities[cells[place[step]]]
            step = "at"
            at = self._dates[cells[place[step]]]
            step = "unit_price"
            price = self._prices[cells[place[step]]]
            if price[0] == "-" and code.endswith("\\N"):
                raise CellError("is below zero for a product")
            step = "description"
            description = self._names[cells[place[step]]]
            step = "customer"
            customer = self._customers[cells[place[step]]]
            step = "country"
            country = self._names[cells[place[step]]]
        except CellError as error:
            rejects.append(
                _reject(number, self._known_invoice(cells), step, error.reason, self._amount(cells))
            )
            return None
        return (
            f"{number}\t{invoice}\t{code}\t{description}\t{quantity}\t{at}\t{price}\t{customer}\t{country}\n"
        )

    def _known_invoice(self, cells: list[str]) -> str | None:
        try:
            return self._invoices[cells[self._place["order_number"]]]
        except CellError:
            return None

    def _amount(self, cells: list[str]) -> Decimal:
        """Quantity times price of a refused row, so that the control sum covers it where it can be read."""
        try:
            return Decimal(self._quantities[cells[self._place["quantity"]]]) * Decimal(
                self._prices[cells[self._place["unit_price"]]]
            )
        except CellError:
            return Decimal(0)


class _Remembered(dict[str, str]):
    """Spelling to text, worked out once; forgets all when it grows beyond what a ledger repeats."""

    def __init__(self, work_out: Callable[[str], str]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, cell: str) -> str:
        if len(self) > LONGEST_REMEMBERED:
            self.clear()
        value = self[cell] = self._work_out(cell)
        return value


def _instant(parse: Callable[[str], dt.datetime], cell: str) -> str:
    return parse(cell).isoformat()


def _quantity(cell: str, mark: str) -> str:
    quantity = parse_quantity(cell, mark)
    if quantity == 0:
        raise CellError("is 0")
    return str(quantity)


def _code(cell: str, rules: ChargeRules) -> str:
    """Three columns in one: the key, the code as written, the kind of charge."""
    text = check_text(cell)
    key = code_key(text)
    if key is None:
        raise CellError("is empty")
    if len(text) > 100:
        raise CellError("is longer than 100 letters")
    return f"{copy_text(key)}\t{copy_text(text)}\t{rules.kind_of(key) or chr(92) + 'N'}"


def _name(cell: str) -> str:
    text = " ".join(check_free_text(cell).split())
    if len(text) > 2000:
        raise CellError("is longer than 2,000 letters")
    return copy_text(text)


def _customer(cell: str) -> str:
    """The customer's number; spreadsheets write 17850 as 17850.0."""
    text = check_free_text(cell)
    if text.endswith(".0") and text[:-2].isdigit():
        text = text[:-2]
    if len(text) > 100:
        raise CellError("is longer than 100 letters")
    return copy_text(text)


def _invoice(cell: str) -> str:
    text = check_free_text(cell)
    if not text:
        raise CellError("is empty")
    if len(text) > 60:
        raise CellError("is longer than 60 letters")
    if any(not letter.isprintable() for letter in text):
        raise CellError("holds control characters")
    return copy_text(text)


def _reject(number: int, invoice: str | None, step: str | None, reason: str, amount: Decimal) -> str:
    return f"{number}\t{invoice or chr(92) + 'N'}\t{step or chr(92) + 'N'}\t{copy_text(reason)}\t{amount:f}\n"
