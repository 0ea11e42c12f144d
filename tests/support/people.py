"""The smallest merchants and people that tests need, made by the services that make the real ones."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from typing import Final

from flask import Flask, session
from flask.testing import FlaskClient

from portal.accounts.roles import role_by_key
from portal.accounts.services import add_member, create_merchant, create_user
from portal.accounts.sessions import MERCHANT, TOKEN, begin_session
from portal.core.audit import Actor
from portal.core.database import db, merchant_scope

SYSTEM: Final = Actor(kind="system", id=None, name="tests")
PASSWORD: Final = "correct horse battery staple 42"
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who can sign in."""

    user_id: int
    merchant_id: int
    name: str
    email: str
    password: str = PASSWORD

    @property
    def actor(self) -> Actor:
        return Actor(kind="user", id=self.user_id, name=self.name)


def make_merchant(app: Flask, **values: str | bool) -> int:
    """A merchant in the United Kingdom that sells in pounds, unless told otherwise; gives its id."""
    slug = f"shop-{uuid.uuid4().hex[:10]}"
    wanted = {
        "name": f"Shop {slug}",
        "country": "GB",
        "currency": "GBP",
        "time_zone": "Europe/London",
    } | values
    with app.app_context():
        return create_merchant(slug=slug, by=SYSTEM, **wanted).id  # type: ignore[arg-type]


def make_person(app: Flask, merchant_id: int, role: str = "owner", *, name: str | None = None) -> Person:
    """A person with a built-in role at the merchant."""
    serial = next(_serial)
    email = f"person{serial}-{uuid.uuid4().hex[:8]}@example.com"
    with app.app_context():
        user = create_user(email=email, name=name or f"Person {serial}", password=PASSWORD)
        user_id, shown = user.id, user.name
        db.session.commit()
        with merchant_scope(merchant_id):
            add_member(user_id, role_by_key(role).id, by=SYSTEM)
            db.session.commit()
    return Person(user_id, merchant_id, shown, email)


def sign_in(app: Flask, client: FlaskClient, person: Person) -> None:
    """Sign *client* in as *person*; the sign-in page has tests of its own."""
    with app.test_request_context("/"):
        begin_session(person.user_id, person.merchant_id)
        token = session[TOKEN]
        db.session.commit()
    with client.session_transaction() as cookie:
        cookie[TOKEN], cookie[MERCHANT] = token, person.merchant_id
