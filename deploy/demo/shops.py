"""The demo shops and who works in them, as plain data: printing them must not take as long as starting the portal.

The password is public, so nobody may load the shops anywhere but in a demo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PASSWORD: Final = "lantern-harbour-meadow-42"
ROLES: Final = (
    ("owner", "owner"),
    ("catalogue", "catalogue-manager"),
    ("warehouse", "warehouse"),
    ("support", "support"),
    ("compliance", "compliance"),
    ("compliance2", "compliance"),
    ("analyst", "analyst"),
    ("readonly", "read-only"),
)


@dataclass(frozen=True, slots=True)
class Shop:
    """A demo merchant and the names of those who work there, in the order of ``ROLES``."""

    slug: str
    name: str
    country: str
    currency: str
    locale: str
    time_zone: str
    staff: tuple[str, ...]

    def email(self, desk: str) -> str:
        return f"{desk}@{self.slug}.example.com"


LANTERN: Final = Shop(
    "lantern", "Lantern & Thistle", "GB", "GBP", "en_GB", "Europe/London",
    ("Maeve Callaghan", "Idris Bowen", "Tomasz Zielinski", "Priya Raman", "Ruth Adeyemi", "Callum Fraser", "Noor Haddad", "Gwen Pryce"),
)  # fmt: skip
FEINWERK: Final = Shop(
    "feinwerk", "Feinwerk Haushalt", "DE", "EUR", "de_DE", "Europe/Berlin",
    ("Jutta Brandt", "Emre Aksoy", "Sven Petersen", "Lena Vogt", "Klara Winter", "Matthias Roth", "Ayla Demir", "Otto Lang"),
)  # fmt: skip
MORNING: Final = Shop(
    "morning", "Morning Cup", "IE", "EUR", "en_IE", "Europe/Dublin",
    ("Aoife Brennan", "Conor Walsh", "Dara Quinn", "Niamh Doyle", "Fiadh Nolan", "Eoin Kelly", "Saoirse Byrne", "Rory Flynn"),
)  # fmt: skip
SHOPS: Final = (LANTERN, FEINWERK, MORNING)
OPERATOR: Final = ("operator@example.com", "Robin Sayer")


def accounts() -> Iterator[str]:
    """What to print: who signs in where, with which password."""
    yield f"Everybody signs in with the password  {PASSWORD}"
    for shop in SHOPS:
        yield ""
        yield f"{shop.name} ({shop.country}, {shop.currency})"
        for (desk, role), name in zip(ROLES, shop.staff, strict=True):
            yield f"  {role.replace('-', ' '):<18} {shop.email(desk):<38} {name}"
    yield ""
    yield f"The platform\n  {'operator':<18} {OPERATOR[0]:<38} {OPERATOR[1]}"
