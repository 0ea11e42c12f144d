"""Time-ordered ids: 41 bits of milliseconds since 1990, 22 bits of a sequence.

The SQL function ``new_id(at)`` mints them; here they are read, bounded and written for the outside world as
prefixed Crockford base32 (``ord_01h2…``). Id order is never commit order.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from portal.core.clock import EPOCH

SEQUENCE_BITS: Final = 22
_SEQUENCE_MASK: Final = (1 << SEQUENCE_BITS) - 1
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)} | {"o": 0, "i": 1, "l": 1}
_MILLISECOND: Final = dt.timedelta(milliseconds=1)


def floor_at(at: dt.datetime) -> int:
    """The smallest id that an instant can have.

    Raises:
        ValueError: *at* is before 1990 or has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("An id needs an instant with a time zone.")
    milliseconds = (at - EPOCH) // _MILLISECOND
    if milliseconds < 0:
        raise ValueError("Ids begin in 1990.")
    return milliseconds << SEQUENCE_BITS


def id_at(at: dt.datetime, sequence: int) -> int:
    """The id of *at* with a chosen sequence part, for rows that bring their own time."""
    return floor_at(at) | (sequence & _SEQUENCE_MASK)


def time_of(identifier: int) -> dt.datetime:
    """The instant an id was minted for, to the millisecond."""
    return EPOCH + (identifier >> SEQUENCE_BITS) * _MILLISECOND


def public_id(prefix: str, identifier: int) -> str:
    """How the outside world sees an id: ``public_id("ord", 1)`` is ``"ord_1"``."""
    if identifier < 0:
        raise ValueError("Ids are not negative.")
    digits = ""
    while True:
        identifier, rest = divmod(identifier, 32)
        digits = _ALPHABET[rest] + digits
        if not identifier:
            return f"{prefix}_{digits}"


def parse_public_id(prefix: str, text: str) -> int | None:
    """The id behind *text*, or None when it is no id of that kind."""
    head, _, digits = text.strip().lower().partition("_")
    if head != prefix or not 1 <= len(digits) <= 13 or any(letter not in _VALUES for letter in digits):
        return None
    identifier = 0
    for letter in digits:
        identifier = identifier * 32 + _VALUES[letter]
    return identifier if identifier < 1 << 63 else None
