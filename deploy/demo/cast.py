"""Who works in the demo shops. The password is public, so nobody may load them anywhere but in a demo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from portal.accounts.models import User
from portal.accounts.queries import user_by_email
from portal.accounts.roles import role_by_key
from portal.accounts.services import add_member, create_user
from portal.core.audit import SYSTEM, Actor
from portal.core.database import db, platform_scope

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


def hire(shop: Shop) -> dict[str, Actor]:
    """One account per role in the merchant in scope, committed; who is there already is found. Gives them by desk."""
    team = {}
    role_ids = {role: role_by_key(role).id for _, role in ROLES}
    for (desk, role), name in zip(ROLES, shop.staff, strict=True):
        user_id = _user(shop.email(desk), name)
        add_member(user_id, role_ids[role], by=SYSTEM)
        team[desk] = Actor("user", user_id, name)
    db.session.commit()
    return team


def hire_operator() -> None:
    """The account that keeps the platform up; it works for no shop."""
    with platform_scope():
        email, name = OPERATOR
        _user(email, name, is_operator=True)
        db.session.commit()


def lend(shop: Shop) -> None:
    """Let the owner of a shop own the merchant in scope too, so that there is something to switch to."""
    user_id = _user(shop.email("owner"), shop.staff[0])
    add_member(user_id, role_by_key("owner").id, by=SYSTEM)
    db.session.commit()


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


def _user(email: str, name: str, *, is_operator: bool = False) -> int:
    found: User | None = user_by_email(email)
    if found is None:
        found = create_user(email=email, name=name, password=PASSWORD, is_operator=is_operator)
        db.session.flush()
    return found.id
