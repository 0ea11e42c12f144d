"""Customers as they are: odd names in every script, two people at one address, roles that may not see."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from portal.core.database import db
from portal.core.merging import pack_base
from portal.customers.models import Customer, CustomerAddress
from portal.customers.services import address_values, create_customer, save_address
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]

NAUGHTY_FILE = Path(__file__).parents[3] / "shared" / "data" / "naughty-strings" / "blns.json"
ADA = {
    "name": "Ada Lovelace", "email": "ada@example.com", "phone": "020 7946 0018", "country_code": "GB",
    "note": "Met Charles at the salon",
}  # fmt: skip


@pytest.fixture
def ada(scope: int) -> Customer:
    customer = create_customer(ADA, by=SYSTEM)
    db.session.commit()
    return customer


@pytest.fixture
def address(ada: Customer) -> CustomerAddress:
    made = save_address(ada, {"line1": "12 High Street", "city": "London", "postcode": "SW1A 1AA"}, by=SYSTEM)
    db.session.commit()
    return made


def test_two_people_who_change_different_parts_of_an_address_both_win(
    ada: Customer, address: CustomerAddress, login: Login, member: Member
) -> None:
    client, path = login(member("support")), f"/customers/{ada.id}/addresses/{address.id}"
    opened = {name: value or "" for name, value in address_values(address).items()}
    opened["base"] = pack_base(address_values(address))
    assert client.post(path, data=opened | {"city": "Leeds"}).status_code == 303
    assert client.post(path, data=opened | {"line1": "14 High Street"}).status_code == 303
    db.session.expire_all()
    saved = db.session.scalars(sa.select(CustomerAddress)).one()
    assert (saved.line1, saved.city) == ("14 High Street", "Leeds")


def test_a_clash_over_an_address_shows_both(
    ada: Customer, address: CustomerAddress, login: Login, member: Member
) -> None:
    client, path = login(member("support")), f"/customers/{ada.id}/addresses/{address.id}"
    opened = {name: value or "" for name, value in address_values(address).items()}
    opened["base"] = pack_base(address_values(address))
    client.post(path, data=opened | {"city": "Leeds"})
    answer = client.post(path, data=opened | {"city": "York"})
    assert answer.status_code == 409
    assert 'name="city" value="York"' in answer.text and 'name="city" value="Leeds"' in answer.text
    lost = client.post(path, data=opened | {"city": "York", "base": "{"})
    assert lost.status_code == 422


def test_an_address_that_is_gone_is_not_found(
    ada: Customer, address: CustomerAddress, login: Login, member: Member
) -> None:
    client, path = login(member("support")), f"/customers/{ada.id}/addresses/{address.id}"
    assert client.post(f"{path}/remove").status_code == 303
    for answer in (client.post(f"{path}/remove"), client.post(path, data={"line1": "x"}), client.get(path)):
        assert answer.status_code == 404


@pytest.mark.parametrize("role", ["analyst", "read-only", "warehouse", "compliance"])
def test_nothing_of_a_person_reaches_a_role_that_sees_masks(
    ada: Customer, address: CustomerAddress, login: Login, member: Member, role: str
) -> None:
    client = login(member(role))
    for path in (f"/customers/{ada.id}", "/customers", f"/customers?q={ADA['email']}"):
        answer = client.get(path)
        for secret in ("Lovelace", "ada@example.com</", "7946", "salon", "High Street", "1AA"):
            assert secret not in answer.text, (path, secret)


def test_naughty_text_in_every_field_never_breaks(ada: Customer, login: Login, member: Member) -> None:
    if not NAUGHTY_FILE.exists():
        pytest.skip("the naughty strings are not here")
    client, here = login(member("owner")), f"/customers/{ada.id}"
    texts = [text for text in json.loads(NAUGHTY_FILE.read_text(encoding="utf-8")) if text.strip()]
    for text in [*texts[::14], "\x00", "a\x00b", "ا" * 200, "x" * 6000]:
        for path, fields in (
            ("/customers/new", ("name", "company", "email", "phone", "country_code", "locale", "note")),
            ("/customers/new", ("name", "company", "note")),
            (f"{here}/edit", ("name", "note", "version", "base")),
            (
                f"{here}/addresses",
                ("name", "company", "line1", "line2", "postcode", "city", "region", "phone"),
            ),
            (f"{here}/consents", ("channel", "state", "source")),
            (f"{here}/reveal", ("reason",)),
        ):
            answer = client.post(path, data=dict.fromkeys(fields, text))
            assert answer.status_code in (200, 303, 422), (path, text)
        assert client.get("/customers", query_string={"q": text, "f": text, "sort": text}).status_code in (
            200,
            400,
            422,
        )
    assert client.get(here).status_code == 200
    assert client.get("/customers").status_code == 200


@pytest.mark.parametrize(
    "name", ["م" * 200, "محمد بن عبد الله", "x" * 200, "<script>alert(1)</script>", "=1+1"]
)
def test_a_name_is_shown_as_it_was_typed(ada: Customer, login: Login, member: Member, name: str) -> None:
    client = login(member("support"))
    made = client.post("/customers/new", data={"name": name})
    page = client.get(made.location).text
    assert "<script>alert" not in page
    assert name.replace("<", "&lt;").replace(">", "&gt;") in page
