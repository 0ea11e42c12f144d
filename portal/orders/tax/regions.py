"""States and provinces that tax has rates for, by the codes that rates are kept under."""

from __future__ import annotations

from typing import Final

from babel import Locale

_US: Final = """
    AL Alabama, AK Alaska, AZ Arizona, AR Arkansas, CA California, CO Colorado, CT Connecticut, DE Delaware,
    DC District of Columbia, FL Florida, GA Georgia, HI Hawaii, ID Idaho, IL Illinois, IN Indiana, IA Iowa, KS Kansas,
    KY Kentucky, LA Louisiana, ME Maine, MD Maryland, MA Massachusetts, MI Michigan, MN Minnesota, MS Mississippi,
    MO Missouri, MT Montana, NE Nebraska, NV Nevada, NH New Hampshire, NJ New Jersey, NM New Mexico, NY New York,
    NC North Carolina, ND North Dakota, OH Ohio, OK Oklahoma, OR Oregon, PA Pennsylvania, PR Puerto Rico,
    RI Rhode Island, SC South Carolina, SD South Dakota, TN Tennessee, TX Texas, UT Utah, VT Vermont, VA Virginia,
    WA Washington, WV West Virginia, WI Wisconsin, WY Wyoming"""
_CANADA: Final = """
    AB Alberta, BC British Columbia, MB Manitoba, NB New Brunswick, NL Newfoundland and Labrador, NS Nova Scotia,
    NT Northwest Territories, NU Nunavut, ON Ontario, PE Prince Edward Island, QC Quebec, QC Québec, SK Saskatchewan,
    YT Yukon"""


def region_code(country: str, text: str | None) -> str:
    """The code of a region that an address names by its code, with the country's before it, or by its name.

    >>> region_code("US", "California"), region_code("US", "us-ca"), region_code("DE", "Bayern")
    ('CA', 'CA', 'BAYERN')
    """
    region = " ".join((text or "").replace(".", "").split()).upper()
    named = _CODES.get(country, {}).get(region)
    return named or region.removeprefix(f"{country}-")


def place_name(country: str, region: str = "", *, short: bool = False) -> str:
    """A place as people read it: "California, United States", or the nearest word of it alone."""
    home = str(Locale("en").territories.get(country, country))
    if not region:
        return home
    named = _NAMES.get(country, {}).get(region, region)
    return named if short else f"{named}, {home}"


def _by_name(text: str) -> dict[str, str]:
    pairs = (entry.split(maxsplit=1) for entry in text.split(","))
    return {name.strip().upper(): code for code, name in pairs}


_CODES: Final = {"US": _by_name(_US), "CA": _by_name(_CANADA)}
_NAMES: Final = {
    country: {
        code: name.title().replace(" Of ", " of ").replace(" And ", " and ") for name, code in known.items()
    }
    for country, known in _CODES.items()
}
