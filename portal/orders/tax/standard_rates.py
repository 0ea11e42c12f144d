"""Usual rates, offered to a merchant to begin with. Nothing here is charged until they confirm it as their own row.

One standard and one common reduced rate per country. The reduced rate of a country is the one most of its reduced
goods bear; special rates, and local taxes in the United States, are the merchant's to add.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

AS_OF: Final = dt.date(2026, 1, 1)
SOURCE: Final = f"list of {AS_OF:%Y-%m-%d}"

_EU: Final = """
    AT 20 10, BE 21 6, BG 20 9, CY 19 9, CZ 21 12, DE 19 7, DK 25 -, EE 24 9, ES 21 10, FI 25.5 13.5, FR 20 5.5, GR 24 13,
    HR 25 13, HU 27 5, IE 23 13.5, IT 22 10, LT 21 12, LU 17 8, LV 21 12, MT 18 5, NL 21 9, PL 23 8, PT 23 6, RO 21 11,
    SE 25 12, SI 22 9.5, SK 23 5"""
_UNITED_KINGDOM: Final = "GB 20 5"
_STATES: Final = """
    AL 4, AR 6.5, AZ 5.6, CA 7.25, CO 2.9, CT 6.35, DC 6.5, FL 6, GA 4, HI 4, IA 6, ID 6, IL 6.25, IN 7, KS 6.5, KY 6, LA 5,
    MA 6.25, MD 6, ME 5.5, MI 6, MN 6.875, MO 4.225, MS 7, NC 4.75, ND 5, NE 5.5, NJ 6.625, NM 4.875, NV 6.85, NY 4,
    OH 5.75, OK 4.5, PA 6, RI 7, SC 6, SD 4.2, TN 7, TX 6.25, UT 4.85, VA 5.3, VT 6, WA 6.5, WI 5, WV 6, WY 4"""


@dataclass(frozen=True, slots=True)
class OfferedRate:
    """A usual rate; ``group`` is the list it stands in on the screen."""

    group: str
    country_code: str
    region: str
    tax_class: str
    rate: Decimal

    @property
    def key(self) -> str:
        return f"{self.country_code}.{self.region}.{self.tax_class}"

    @property
    def name(self) -> str:
        place = self.region or self.country_code
        kind = "sales tax" if self.group == "us" else "VAT"
        return f"{place} {kind}" if self.tax_class == "standard" else f"{place} {kind} {self.tax_class}"


def offered() -> tuple[OfferedRate, ...]:
    """All usual rates: the EU and Great Britain by country, the United States by state."""
    return OFFERED


def _countries(group: str, text: str) -> list[OfferedRate]:
    found = []
    for entry in text.split(","):
        country, standard, reduced = entry.split()
        found.append(OfferedRate(group, country, "", "standard", Decimal(standard) / 100))
        if reduced != "-":
            found.append(OfferedRate(group, country, "", "reduced", Decimal(reduced) / 100))
    return found


def _states(text: str) -> list[OfferedRate]:
    pairs = (entry.split() for entry in text.split(","))
    return [OfferedRate("us", "US", state, "standard", Decimal(rate) / 100) for state, rate in pairs]


OFFERED: Final = (*_countries("eu", _EU), *_countries("gb", _UNITED_KINGDOM), *_states(_STATES))
