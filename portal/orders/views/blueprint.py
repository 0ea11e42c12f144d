"""The blueprint of the orders' screens, and what their addresses say."""

from __future__ import annotations

import re
from typing import Final

from flask import Blueprint, request

from portal.core.errors import DomainError

bp = Blueprint("orders", __name__)

LINE_FIELD: Final = re.compile(r"line-[0-9]{1,9}")
WHOLE_UNITS: Final = re.compile(r"[0-9]{1,9}")
PLACE: Final = re.compile(r"([0-9]{1,19})-([0-9]{1,9})")
BIGGEST_KEY: Final = 2**63 - 1


def units_by_line() -> dict[int, int]:
    """Units by line number from the fields ``line-3=2``.

    Raises:
        DomainError: a field holds no whole number; it names the line.
    """
    quantities: dict[int, int] = {}
    for name, text in request.form.items():
        if LINE_FIELD.fullmatch(name) and text.strip():
            if not WHOLE_UNITS.fullmatch(text.strip()):
                raise DomainError(f"Line {name[5:]}: enter whole units, for example 2.")
            quantities[int(name[5:])] = int(text)
    return quantities


def version_seen() -> int:
    """The version of the order that the form was made from; 0, which none has, when the form does not say."""
    text = request.form.get("version", "")
    return int(text) if WHOLE_UNITS.fullmatch(text) else 0


def place_after() -> tuple[int, int] | None:
    """Where a page of rows of orders goes on (``?after=order-n``): after this row; None is from the start."""
    found = PLACE.fullmatch(request.args.get("after", ""))
    if found is None or int(found[1]) > BIGGEST_KEY:
        return None
    return int(found[1]), int(found[2])


def place_before() -> int | None:
    """Where what happened before goes on (``?before=n``): before this number; None is from the newest."""
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and int(text[:20]) <= BIGGEST_KEY else None
