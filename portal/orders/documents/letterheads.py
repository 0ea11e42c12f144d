"""What stands on every document of a merchant: letterhead, footer, addresses, and how figures read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_percent

from portal.core import formats
from portal.core.formats import Region
from portal.orders.documents.papers import Seller
from portal.orders.documents.words import Words, locale_for
from portal.orders.models import DocumentSettings

TOWN_FIRST: Final = frozenset({"US", "CA", "AU", "NZ", "GB", "IE", "IN"})
# Where post needs no region; the rest of the world writes it after the town.
NO_REGION: Final = frozenset(
    "AT BE BG CH CY CZ DE DK EE FI FR GR HR HU IS LI LT LU LV MC MT NL NO PL PT RO SE SI SK".split()
)
# Where an address in the country's own script begins with the largest place and ends with the person.
LARGEST_FIRST: Final = frozenset({"CN", "JP", "KR", "TW"})


@dataclass(frozen=True, slots=True)
class Hand:
    """Words and figures as one reader reads them."""

    words: Words
    region: Region

    def money(self, amount: Decimal, currency: str) -> str:
        with formats.in_region(self.region):
            return formats.money(amount, currency)

    def price(self, amount: Decimal, currency: str) -> str:
        with formats.in_region(self.region):
            return formats.price(amount, currency)

    def rate(self, rate: Decimal) -> str:
        return str(format_percent(rate, locale=self.region.locale, decimal_quantization=False))

    def number(self, value: Decimal | int) -> str:
        with formats.in_region(self.region):
            return formats.exact(value)

    def date(self, day: dt.date) -> str:
        return str(format_date(day, format="medium", locale=self.region.locale))

    def country(self, code: str | None) -> str:
        return str(Locale.parse(self.region.locale).territories.get(code or "", code or ""))


def hand_of(language: str, country: str | None, zone: str, *, seller: str | None) -> Hand:
    """The hand for a reader of *language* in *country*; days are those of the merchant's zone, tax is the seller's."""
    return Hand(Words(language, seller), Region(locale_for(language, country), zone))


def seller_of(settings: DocumentSettings, hand: Hand) -> Seller:
    """The letterhead."""
    lines = address_lines(_place_of(settings), hand, home=None)
    return Seller(settings.company, lines, " · ".join([settings.company, *lines[:-1]] if lines else []))


def footer_of(settings: DocumentSettings, hand: Hand) -> list[list[str]]:
    """Legal and bank data in up to three columns."""
    words = hand.words
    named = [
        ("vat_id", settings.vat_id), ("tax_number", settings.tax_number), ("iban", _grouped(settings.iban)),
        ("bic", settings.bic),
    ]  # fmt: skip
    said = {key: f"{words(key)} {value}" for key, value in named if value}
    columns = [
        [settings.company, *(text for text in (settings.email, settings.phone, settings.website) if text)],
        [said[key] for key in ("vat_id", "tax_number") if key in said]
        + [text for text in (settings.registration, settings.managed_by) if text],
        ([settings.bank] if settings.bank else []) + [said[key] for key in ("iban", "bic") if key in said],
    ]
    return [column for column in columns if column]


def address_lines(contact: Mapping[str, Any], hand: Hand, *, home: str | None) -> list[str]:
    """A postal address as its country writes it; the country is named when it is not *home*."""
    country = contact.get("country_code")
    lines = [contact.get("company"), contact.get("name"), contact.get("line1"), contact.get("line2")]
    if country in LARGEST_FIRST and not (contact.get("city") or "").isascii():
        lines = [_town(contact), *lines[2:], *lines[:2]]
    else:
        lines.append(_town(contact))
    lines.append(hand.country(country) if country and country != home else "")
    return [" ".join(line.split()) for line in lines if line and line.strip()]


def _town(contact: Mapping[str, Any]) -> str:
    """Postcode, town and region in the country's order."""
    country, postcode = contact.get("country_code"), contact.get("postcode") or ""
    city, region = contact.get("city") or "", contact.get("region") or ""
    if country in {"US", "CA"}:
        return f"{city}, {region} {postcode}" if city and region else f"{city} {region} {postcode}"
    if country in LARGEST_FIRST and not city.isascii():
        return f"{'〒' if country == 'JP' and postcode else ''}{postcode} {region}{city}"
    if country in TOWN_FIRST:
        return f"{city} {region} {postcode}"
    return f"{postcode} {city}" if country in NO_REGION else f"{postcode} {city} {region}"


def text_lines(text: str) -> Sequence[str]:
    """What a person typed, line by line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _place_of(settings: DocumentSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in ("line1", "line2", "postcode", "city", "country_code")}


def _grouped(iban: str) -> str:
    plain = "".join(iban.split())
    return " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))
