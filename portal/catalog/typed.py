"""Reading what people type into fields: text, whole numbers, decimals, dates. Each refusal names its field."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any, Final

from portal.core.errors import DomainError
from portal.core.formats import MINUS, number

LARGEST_WHOLE: Final = 2_000_000_000
_NUMBER: Final = re.compile(r"[+-]?\d{1,14}(\.\d+)?")
_UNSEEN: Final = {code: None for code in range(32) if chr(code) not in "\n\t"} | {127: None}


def text_of(value: Any) -> str:
    """Typed text without control characters and surrounding space, with plain line ends."""
    text = str(value or "").replace("\r\n", "\n").replace("\r", "\n").translate(_UNSEEN).strip()
    return text.encode("utf-8", "replace").decode("utf-8")


def short_text(value: Any, field: str, label: str, *, most: int) -> str:
    """Text in one line.

    Raises:
        DomainError: it is longer than *most*.
    """
    text = " ".join(text_of(value).split())
    if len(text) > most:
        raise DomainError(f"{label} may be {most:,} characters long; this is {len(text):,}.", field=field)
    return text


def long_text(value: Any, field: str, label: str, *, most: int) -> str:
    """Text in lines.

    Raises:
        DomainError: it is longer than *most*.
    """
    text = text_of(value)
    if len(text) > most:
        raise DomainError(f"{label} may be {most:,} characters long; this is {len(text):,}.", field=field)
    return text


def whole(value: str, field: str, label: str, *, least: int = 0, most: int = LARGEST_WHOLE) -> int | None:
    """A whole number, or None for an empty field; the minus that screens show is one, too.

    Raises:
        DomainError: it is no whole number, or out of range.
    """
    text = value.replace(" ", "").replace(MINUS, "-").strip()
    if not text:
        return None
    if not re.fullmatch(r"[+-]?[0-9]{1,12}", text):
        raise DomainError(f"{label} is a whole number, such as 250.", field=field)
    if not least <= int(text) <= most:
        raise DomainError(f"{label} lies between {number(least)} and {number(most)}.", field=field)
    return int(text)


def decimal(
    value: str, field: str, label: str, *, places: int = 6, least: Decimal | None = Decimal(0)
) -> Decimal | None:
    """A decimal number with a point, or None for an empty field. Nothing is rounded in silence.

    Raises:
        DomainError: it is no number, has too many decimals, or is below *least*.
    """
    text = value.replace(" ", "").replace("\u00a0", "").replace(MINUS, "-")
    if not text:
        return None
    if "," in text:
        raise DomainError(f"Write {label.lower()} with a point and no comma: 1250.50.", field=field)
    if not text.isascii() or not _NUMBER.fullmatch(text):
        raise DomainError(f"{label} is a number, such as 12.50.", field=field)
    found = Decimal(text)
    if len(text.partition(".")[2].rstrip("0")) > places:
        raise DomainError(f"{label} has more than {places} decimals.", field=field)
    if least is not None and found < least:
        raise DomainError(f"{label} is at least {least}.", field=field)
    if abs(found) >= Decimal(10) ** 14:
        raise DomainError(f"{label} is too large.", field=field)
    return found


def date(value: str, field: str, label: str) -> dt.date | None:
    """A date as 2026-05-03, or None for an empty field.

    Raises:
        DomainError: there is no such day.
    """
    if not value:
        return None
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise DomainError(f"{label} is a day, such as 2026-05-03.", field=field) from error


def plain(number: Decimal | int | None) -> str:
    """A number as a field shows it: without trailing zeros, never with an exponent."""
    if number is None:
        return ""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(number: Decimal | None, places: int) -> str:
    """An amount as a field shows it: with the currency's places, and more where more are kept."""
    if number is None:
        return ""
    text = plain(number)
    head, _, tail = text.partition(".")
    return f"{head}.{tail.ljust(places, '0')}" if places else text
