"""Card numbers are never kept, not even in a note: whoever types or sends one is told to take it out.

A card number is told from other long numbers by its issuer's first digits, its length, the way people group it, and its
check digit. Fields that hold long numbers of another kind by their nature are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from flask import Flask, request

from portal.core.api import PREFIX
from portal.core.errors import DomainError

REFUSAL: Final = (
    "{} holds what looks like a card number. Card numbers are never kept here; a buyer types one on the gateway's page."
    " Nothing was saved. Go back with your browser, where your text still stands, take the number out and send again."
)
FILE_REFUSAL: Final = "The file holds what looks like a card number. Card numbers are never kept here: take it out, then add the file again."
# A million letters made of nothing but short groups of digits take a second; ordinary ones 20 ms.
MOST_LOOKED_THROUGH: Final = 1_000_000
READ_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Article and parcel numbers are as long and carry check digits too; a token or a password is random.
NAMES: Final = {"body": "Your text"}
OTHER_NUMBERS: Final = frozenset({"barcode", "code", "key", "password", "secret", "sku", "token", "tracking"})

_RUN: Final = re.compile(r"(?<![\w+])\d[\d\s.\-\u2010-\u2015]{11,30}\d(?!\w)")
_GROUPINGS: Final = {
    14: ((14,), (4, 6, 4)),
    15: ((15,), (4, 6, 5), (4, 4, 4, 3)),
    16: ((16,), (4, 4, 4, 4), (4, 6, 6), (8, 8)),
    17: ((17,), (4, 4, 4, 4, 1)),
    18: ((18,), (4, 4, 4, 4, 2), (6, 12)),
    19: ((19,), (4, 4, 4, 4, 3), (6, 13)),
}
_ISSUERS: Final = re.compile(
    r"4\d{15}"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}"
    r"|(?:30[0-5]|3[689]\d)\d{11}"
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}"
    r"|35(?:2[89]|[3-8]\d)\d{12}"
    r"|62\d{14,17}"
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{12,15}"
)


def init_card_numbers(app: Flask) -> None:
    """Refuse every request that would change something and carries a card number, before its view runs."""
    app.before_request(refuse_card_numbers)


def refuse_card_numbers() -> None:
    """Look through the fields of a form. Programs send documents; their schemas look for themselves.

    Raises:
        DomainError: one of them holds a card number; its name is said, its content is not.
    """
    # To look into a program's body here would take it away from its schema.
    if request.method in READ_METHODS or request.endpoint is None or request.path.startswith(PREFIX):
        return
    for name, values in request.form.lists():
        if is_looked_through(name) and any(map(holds_card_number, values)):
            last = name.rpartition("-")[2]
            shown = NAMES.get(last, last.replace("_", " ").strip().capitalize())
            raise DomainError(REFUSAL.format(f"“{shown}”"), field=name)


def refuse_card_numbers_in_file(filename: str, text: str) -> None:
    """Look through the name and the text of a file that somebody adds; of a long text, its beginning.

    Raises:
        DomainError: one of them holds a card number.
    """
    if holds_card_number(filename) or holds_card_number(text[:MOST_LOOKED_THROUGH]):
        raise DomainError(FILE_REFUSAL, field="file")


def is_looked_through(name: str) -> bool:
    """Whether a field of that name could hold a card number, and not another long number by its nature."""
    return OTHER_NUMBERS.isdisjoint(re.split(r"[-_.]", name.lower()))


def holds_card_number(text: str) -> bool:
    """Whether somebody wrote a card number into *text*."""
    return next(_spans(text), None) is not None


def without_card_numbers(text: str) -> str:
    """*text* with the last four digits alone of every card number: for what machines send and nobody can be asked about."""
    kept, end = [], 0
    for start, stop, digits in _spans(text):
        kept += [text[end:start], f"[card ending {digits[-4:]}]"]
        end = stop
    return "".join([*kept, text[end:]])


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is what Luhn's sum of the others asks for."""
    values = [int(digit) for digit in reversed(digits)]
    return (sum(values[::2]) + sum(sum(divmod(2 * value, 10)) for value in values[1::2])) % 10 == 0


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Where the card numbers stand, and their digits, from left to right."""
    for run in _RUN.finditer(text):
        groups = [
            (found.start() + run.start(), found.end() + run.start(), found[0])
            for found in re.finditer(r"\d+", run[0])
        ]
        at = 0
        while at < len(groups):
            width = _card_at(groups[at:])
            if width:
                chosen = groups[at : at + width]
                yield chosen[0][0], chosen[-1][1], "".join(each[2] for each in chosen)
            at += width or 1


def _card_at(groups: Sequence[tuple[int, int, str]]) -> int:
    """How many of the groups, from the first one on, make a card number; 0 when none do."""
    digits = ""
    for width, (_, _, group) in enumerate(groups[:5], 1):
        digits += group
        lengths = tuple(len(each[2]) for each in groups[:width])
        if (
            lengths in _GROUPINGS.get(len(digits), ())
            and _ISSUERS.fullmatch(_plain(digits))
            and has_check_digit(digits)
        ):
            return width
    return 0


def _plain(digits: str) -> str:
    """Digits of any script as 0 to 9."""
    return "".join(str(int(digit)) for digit in digits)
