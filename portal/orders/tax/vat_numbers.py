"""VAT numbers of businesses: their form and check digits by python-stdnum. Nobody outside is asked."""

from __future__ import annotations

from typing import Final

from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as gb_vat

from portal.core.errors import DomainError

EU: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
)
# Greece writes its numbers with EL.
_PREFIXES: Final = {"EL": "GR"}
_LETTERS: Final = {"GR": "EL"}
LONGEST: Final = 20


def country_of(number: str | None) -> str | None:
    """The country that a valid VAT number of the EU or of Great Britain is of; None when it is no valid one."""
    text = compact(number)
    if text is None:
        return None
    country = _PREFIXES.get(text[:2], text[:2])
    try:
        if country in EU:
            eu_vat.validate(text)
        elif country == "GB":
            gb_vat.validate(text)
        else:
            return None
    except ValidationError:
        return None
    return country


def compact(number: str | None) -> str | None:
    """The number without spaces and signs, in capitals; None when nothing is left."""
    text = "".join(letter for letter in (number or "").upper() if letter.isascii() and letter.isalnum())
    return text[:LONGEST] or None


def required_valid(number: str | None, field: str = "vat_id", *, country: str | None = None) -> str | None:
    """The number in its compact form, or None for none.

    Args:
        country: where the business is; a number of that country that lacks its letters gets them.

    Raises:
        DomainError: it has the prefix of an EU country or of Great Britain and its check digits are wrong.
    """
    text = compact(number)
    if text is None:
        return None
    completed = f"{_LETTERS.get(country or '', country or '')}{text}"
    if country in EU and country_of(text) is None and country_of(completed) == country:
        return completed
    prefix = _PREFIXES.get(text[:2], text[:2])
    if (prefix in EU or prefix == "GB") and country_of(text) is None:
        raise DomainError("This VAT number has a typing error: its check digits do not fit.", field=field)
    return text
