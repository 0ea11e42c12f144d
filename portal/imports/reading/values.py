"""Cells as numbers, amounts, instants and countries. Every refusal says which rule a cell broke."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from portal.core.card_numbers import holds_card_number
from portal.core.clock import EPOCH, utc_now
from portal.imports.reading.errors import CellError

LARGEST_QUANTITY: Final = 1_000_000_000
LARGEST_PRICE: Final = Decimal(10) ** 12

# Name on the mapping page -> strptime pattern of its date part. A time may follow each of them.
DATE_ORDERS: Final = {
    "ymd": "Year, month, day (2026-11-20)",
    "dmy": "Day, month, year (20/11/2026)",
    "mdy": "Month, day, year (11/20/2026)",
}
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_DATE: Final = re.compile(
    r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})"
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*([AaPp][Mm])?\s*(Z|[+-]\d{2}:?\d{2})?)?"
)
_CURRENCY_SIGNS: Final = re.compile(r"[£$€¥₹\s\u00a0\u202f']|^[A-Z]{3}\b|\b[A-Z]{3}$")


def parse_decimal(cell: str, mark: str = ".") -> Decimal:
    """A number with *mark* as its decimal mark; the other mark may group thousands. No exponents, no words.

    Raises:
        CellError: it is no such number, or too large or too fine to be kept exactly.
    """
    text = _CURRENCY_SIGNS.sub("", cell.strip())
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    text = _ungroup(text, mark)
    if not text.isascii() or not _NUMBER.fullmatch(text):
        raise CellError("is not a number")
    number = Decimal(text)
    if abs(number) >= LARGEST_PRICE:
        raise CellError("is too large")
    if number != round(number, 6):
        raise CellError("has more than six digits after the decimal mark")
    return number


def parse_quantity(cell: str, mark: str = ".") -> int:
    """A whole number of pieces; ``6.0`` is six.

    Raises:
        CellError: it is no whole number, or beyond a thousand million.
    """
    number = parse_decimal(cell, mark)
    if number != number.to_integral_value():
        raise CellError("is not a whole number")
    if abs(number) > LARGEST_QUANTITY:
        raise CellError("is too large")
    return int(number)


def date_parser(order: str, zone: str) -> Callable[[str], dt.datetime]:
    """A function that reads instants written in one order of day, month and year, by the clock of *zone*.

    It refuses what lies before 1990 (ids begin there) or after tomorrow (no history is of the future).
    """
    clock = ZoneInfo(zone)
    latest = utc_now() + dt.timedelta(days=1)
    places = {"ymd": (0, 1, 2), "dmy": (2, 1, 0), "mdy": (2, 0, 1)}[order]

    def parse(cell: str) -> dt.datetime:
        match = _DATE.fullmatch(cell.strip())
        if match is None or not cell.isascii():
            raise CellError("is not a date")
        parts = match.groups()
        year, month, day = (int(parts[place]) for place in places)
        if len(parts[places[0]]) == 2:
            year += 2000 if year < 70 else 1900
        try:
            hour, minute, second = _hour(parts[3], parts[6]), int(parts[4] or 0), int(parts[5] or 0)
            local = dt.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the zone follows
        except ValueError:
            raise CellError("is not a date of the calendar") from None
        at = _in_utc(local, parts[7], clock)
        if at < EPOCH:
            raise CellError("lies before 1990")
        if at > latest:
            raise CellError("lies after tomorrow")
        return at

    return parse


def guess_date_order(cells: list[str]) -> str:
    """The order of day, month and year that reads the most of *cells*; day first when both would do."""

    def readable(order: str) -> int:
        parse = date_parser(order, "UTC")
        return sum(1 for cell in cells if cell.strip() and _reads(parse, cell))

    return max(("ymd", "dmy", "mdy"), key=readable)


def guess_decimal_mark(cells: list[str]) -> str:
    """The comma, where numbers end in a comma and one or two digits; else the point."""
    commas = sum(1 for cell in cells if re.search(r",\d{1,2}\s*\D{0,2}$", cell.strip()))
    points = sum(1 for cell in cells if re.search(r"\.\d{1,6}\s*\D{0,2}$", cell.strip()))
    return "," if commas > points else "."


def check_text(cell: str) -> str:
    """The cell trimmed, its inner line ends kept.

    Raises:
        CellError: it holds a NUL or half of a surrogate pair, which no text column can keep.
    """
    text = cell.strip()
    if "\0" in text:
        raise CellError("holds a NUL character")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise CellError("holds half of a character")
    return text


def check_free_text(cell: str) -> str:
    """The cell as ``check_text`` gives it, where somebody may have written anything.

    Raises:
        CellError: no column can keep it, or it holds a card number.
    """
    text = check_text(cell)
    if holds_card_number(text):
        raise CellError("holds what looks like a card number, which is never kept; take it out")
    return text


def _ungroup(text: str, mark: str) -> str:
    """Without thousands marks, where these stand in threes; a comma out of place stays and is refused."""
    group = "," if mark == "." else "."
    whole, _, fraction = text.partition(mark)
    if group in whole and re.fullmatch(rf"[+-]?\d{{1,3}}(?:{re.escape(group)}\d{{3}})+", whole):
        whole = whole.replace(group, "")
    return f"{whole}.{fraction}" if mark in text else whole


def _hour(text: str | None, half: str | None) -> int:
    hour = int(text or 0)
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no such hour")
    return hour % 12 + (12 if half.lower() == "pm" else 0)


def _in_utc(local: dt.datetime, offset: str | None, clock: ZoneInfo) -> dt.datetime:
    if offset is None:
        try:
            return local.replace(tzinfo=clock).astimezone(dt.UTC)
        except (OverflowError, ValueError):
            raise CellError("is not a date of the calendar") from None
    if offset in {"Z", "z"}:
        return local.replace(tzinfo=dt.UTC)
    sign = -1 if offset[0] == "-" else 1
    digits = offset[1:].replace(":", "")
    try:
        return (local - sign * dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))).replace(
            tzinfo=dt.UTC
        )
    except OverflowError:
        raise CellError("is not a date of the calendar") from None


def _reads(parse: Callable[[str], dt.datetime], cell: str) -> bool:
    try:
        parse(cell)
    except CellError:
        return False
    return True
