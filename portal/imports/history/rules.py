"""What the codes and countries of a sales ledger mean. Each table is a default the mapping page lets a person change."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from babel import Locale

from portal.core.errors import DomainError
from portal.core.normalise import code_key
from portal.orders.models import CHARGE_KINDS

# Codes that stand for money, not for goods. A trailing star takes every code that begins so.
CHARGE_CODES: Final = {
    "POST": "shipping",
    "DOT": "shipping",
    "C2": "shipping",
    "BANK CHARGES": "fee",
    "AMAZONFEE": "fee",
    "D": "discount",
    "M": "adjustment",
    "S": "adjustment",
    "B": "adjustment",
    "PADS": "adjustment",
    "CRUK": "donation",
    "GIFT_*": "gift",
}

# Names that CLDR does not know. No value: the name is kept as it was written and no country is claimed.
COUNTRY_NAMES: Final[dict[str, str | None]] = {
    "eire": "IE",
    "rsa": "ZA",
    "usa": "US",
    "uk": "GB",
    "uae": "AE",
    "holland": "NL",
    "korea": "KR",
    "russia": "RU",
    "czech republic": "CZ",
    "hong kong": "HK",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "united states of america": "US",
    "viet nam": "VN",
    "turkey": "TR",
    "macedonia": "MK",
    "ivory coast": "CI",
    "south korea": "KR",
    "burma": "MM",
    "cape verde": "CV",
    "swaziland": "SZ",
    # Jersey and Guernsey have a code each and none together.
    "channel islands": None,
    "european community": None,
    "unspecified": None,
    "unknown": None,
}


class ChargeRules:
    """Which codes are charges, and of which kind."""

    def __init__(self, codes: dict[str, str]) -> None:
        self._exact = {_key(code): kind for code, kind in codes.items() if not code.endswith("*")}
        self._starts = {_key(code[:-1]): kind for code, kind in codes.items() if code.endswith("*")}

    def kind_of(self, key: str) -> str | None:
        """The kind of charge a code key stands for, or None when it is a product."""
        exact = self._exact.get(key)
        if exact is not None:
            return exact
        return next((kind for start, kind in self._starts.items() if key.startswith(start)), None)


def parse_charge_codes(text: str) -> dict[str, str]:
    """``CODE = kind`` per line, as typed on the mapping page.

    Raises:
        DomainError: a line has no such form, or names no kind of charge.
    """
    codes: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        code, mark, kind = line.rpartition("=")
        if not mark or not code.strip() or kind.strip() not in CHARGE_KINDS:
            raise DomainError(
                f"Line {number} of the charge codes must read CODE = kind, with a kind of {', '.join(CHARGE_KINDS)}.",
                field="charge_codes",
            )
        codes[code.strip()] = kind.strip()
    return codes


def format_charge_codes(codes: dict[str, str]) -> str:
    """The text that ``parse_charge_codes`` reads."""
    return "\n".join(
        f"{code} = {kind}" for code, kind in sorted(codes.items(), key=lambda item: (item[1], item[0]))
    )


@lru_cache(maxsize=4096)
def country_code(name: str) -> str | None:
    """The ISO code of a country as a ledger writes it, or None when it names no single country."""
    folded = " ".join(name.casefold().split())
    if folded in COUNTRY_NAMES:
        return COUNTRY_NAMES[folded]
    if len(name) == 2 and name.upper() in Locale("en").territories:
        return name.upper()
    return _english_names().get(folded)


@lru_cache(maxsize=1)
def _english_names() -> dict[str, str]:
    return {
        title.casefold(): code
        for code, title in Locale("en").territories.items()
        if len(code) == 2 and code.isalpha()
    }


def _key(code: str) -> str:
    return code_key(code) or ""
