"""Personal data as those see it who have no case open: enough to tell two rows apart, too little to reach anyone.

Every function is pure and answers None with None. A masked value never holds more than its shape and a few letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

DOTS: Final = "•••"


def mask_name(name: str | None) -> str | None:
    """``mask_name("Anna Müller-Lang")`` is ``"A••• M•••"``: the first letter of each of the first three words."""
    words = (name or "").split()
    if not words:
        return None
    return " ".join(_first_letter(word) + DOTS for word in words[:3])


def mask_email(email: str | None) -> str | None:
    """``mask_email("anna@shop.example.com")`` is ``"a•••@s•••.com"``."""
    text = (email or "").strip()
    if not text:
        return None
    local, at, domain = text.rpartition("@")
    if not at or not local:
        return DOTS
    host, dot, ending = domain.rpartition(".")
    # An ending with digits in it is part of an address literal, and a long one may be all there is to know.
    shown = f".{ending}" if dot and host and ending.isalpha() and len(ending) <= 6 else ""
    return f"{_first_letter(local)}{DOTS}@{_first_letter(host or domain)}{DOTS}{shown}"


def mask_phone(phone: str | None) -> str | None:
    """``mask_phone("+49 171 2345678")`` is ``"•••78"``: the last two digits, and none of a short number."""
    text = (phone or "").strip()
    if not text:
        return None
    digits = "".join(
        str(unicodedata.digit(letter)) for letter in text if unicodedata.category(letter) == "Nd"
    )
    return DOTS + digits[-2:] if len(digits) >= 7 else DOTS


def mask_address(line: str | None) -> str | None:
    """``mask_address("12 High Street")`` is ``"•••"``: a street and a number together are a door."""
    return DOTS if (line or "").strip() else None


def mask_postcode(postcode: str | None) -> str | None:
    """``mask_postcode("SW1A 1AA")`` is ``"SW1A •••"``: the part that names a district."""
    area = truncate_postcode(postcode)
    if area is None:
        return DOTS if (postcode or "").strip() else None
    return f"{area} {DOTS}"


def mask_text(text: str | None) -> str | None:
    """What has no shape worth showing: identifiers, notes, tags."""
    return DOTS if (text or "").strip() else None


def truncate_postcode(postcode: str | None) -> str | None:
    """The part of a postcode that erasure leaves for the reports: a district, never a street.

    A British code keeps its outward part, a Canadian one and five or nine digits keep three characters, any other code
    keeps two. Cutting a second time changes nothing, so an erasure that runs again finds nothing to do.
    """
    compact = "".join(letter for letter in (postcode or "").upper() if letter.isascii() and letter.isalnum())
    if len(compact) <= 3 or (len(compact) == 4 and compact[0].isalpha()):
        return compact or None
    if (
        compact[0].isalpha()
        and len(compact) in (5, 6, 7)
        and compact[-3].isdigit()
        and compact[-2:].isalpha()
    ):
        return compact[:-3]
    if compact.isdigit():
        return compact[: 3 if len(compact) in (5, 9) else 2]
    is_canadian = len(compact) == 6 and compact[::2].isalpha() and compact[1::2].isdigit()
    return compact[:3] if is_canadian else compact[:2]


_MASKS: Final[dict[str, Callable[[str | None], str | None]]] = {
    "name": mask_name,
    "email": mask_email,
    "phone": mask_phone,
    "address": mask_address,
    "postcode": mask_postcode,
}


def mask(value: str | None, category: str) -> str | None:
    """Mask a value by the category its column declares in the map; an unknown category shows nothing but dots."""
    return _MASKS.get(category, mask_text)(value)


def _first_letter(word: str) -> str:
    """The first letter, with the marks that belong to it, or nothing when the word begins with none."""
    for position, letter in enumerate(word):
        if unicodedata.category(letter)[0] in "LN":
            end = position + 1
            while end < len(word) and unicodedata.category(word[end])[0] == "M":
                end += 1
            return word[position:end]
    return ""
