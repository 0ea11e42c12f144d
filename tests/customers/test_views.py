"""The customers' screens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.database import db
from portal.core.merging import pack_base
from portal.core.reveal import PersonalDataView
from portal.customers.models import Consent, Customer, CustomerAddress
from portal.customers.services import ChannelCustomer, create_customer, customer_of_channel, customer_values
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]

ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "020 7946 0018", "country_code": "GB"}


@pytest.fixture
def ada(scope: int) -> Customer:
    customer = create_customer(ADA, by=SYSTEM)
    db.session.commit()
    return customer


def test_it_adds_a_customer_who_is_found_by_every_key(scope: int, login: Login, member: Member) -> None:
    answer = login(member("support")).post("/customers/new", data=ADA)
    assert answer.status_code == 303
    customer = db.session.scalars(sa.select(Customer)).one()
    assert (customer.email_key, customer.phone_key, customer.name_key) == (
        "ada@example.com",
        "442079460018",
        "lovelace ada",
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [({}, "Enter a name, a company"), ({"email": "nobody"}, "not an e-mail address"), ({"name": "x" * 201}, "under 200"),
     ({"name": "A", "country_code": "XX"}, "Not a valid choice")],
)  # fmt: skip
def test_it_names_what_is_wrong_and_keeps_what_was_typed(
    scope: int, login: Login, member: Member, values: dict[str, str], message: str
) -> None:
    answer = login(member("support")).post(
        "/customers/new", data={"company": "" if not values else "Analytical Ltd", **values}
    )
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert message in page
    assert not values or "Analytical Ltd" in page


def test_support_sees_the_person_and_the_look_is_logged(ada: Customer, login: Login, member: Member) -> None:
    customer_id = ada.id
    page = login(member("support")).get(f"/customers/{customer_id}").get_data(as_text=True)
    assert "020 7946 0018" in page
    assert db.session.scalars(sa.select(PersonalDataView.case_kind)).all() == ["customer"]


@pytest.mark.parametrize("role", ["analyst", "read-only"])
def test_others_see_a_mask(ada: Customer, login: Login, member: Member, role: str) -> None:
    client = login(member(role))
    for path in (f"/customers/{ada.id}", "/customers"):
        page = client.get(path).get_data(as_text=True)
        assert "Lovelace" not in page
        assert "ada@example.com" not in page
    assert db.session.scalars(sa.select(PersonalDataView)).all() == []


def test_a_reveal_wants_a_reason_and_is_kept(ada: Customer, login: Login, member: Member) -> None:
    client = login(member("compliance"))
    path = f"/customers/{ada.id}/reveal"
    assert client.post(path, data={"reason": "hm"}).status_code == 422
    assert "020 7946 0018" in client.post(path, data={"reason": "Identity check for request 7"}).get_data(
        as_text=True
    )
    assert db.session.scalars(sa.select(PersonalDataView.kind)).all() == ["reveal"]


def test_two_people_editing_different_fields_both_keep_theirs(
    ada: Customer, login: Login, member: Member
) -> None:
    form = _opened(ada)
    client = login(member("support"))
    assert (
        client.post(f"/customers/{ada.id}/edit", data={**form, "company": "Analytical Ltd"}).status_code
        == 303
    )
    assert (
        client.post(f"/customers/{ada.id}/edit", data={**form, "note": "Prefers the phone"}).status_code
        == 303
    )
    db.session.expire_all()
    assert (ada.company, ada.note) == ("Analytical Ltd", "Prefers the phone")


def test_two_people_editing_the_same_field_see_both_values(
    ada: Customer, login: Login, member: Member
) -> None:
    form = _opened(ada)
    client = login(member("support"))
    client.post(f"/customers/{ada.id}/edit", data={**form, "name": "Ada King"})
    answer = client.post(f"/customers/{ada.id}/edit", data={**form, "name": "Augusta Ada", "note": "Kept"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Ada King" in page
    assert "Augusta Ada" in page
    assert 'value="Kept"' in page


def test_a_stranger_finds_nothing(app: Flask, ada: Customer, login: Login) -> None:
    stranger = login(make_person(app, make_merchant(app), "owner"))
    for path in (f"/customers/{ada.id}", f"/customers/{ada.id}/edit", f"/customers/{ada.id}/addresses/new"):
        assert stranger.get(path).status_code == 404


def test_a_reader_may_not_change(ada: Customer, login: Login, member: Member) -> None:
    client = login(member("read-only"))
    for path in ("edit", "addresses", "consents"):
        assert client.post(f"/customers/{ada.id}/{path}").status_code == 403


def test_addresses_come_change_and_go(ada: Customer, login: Login, member: Member) -> None:
    client = login(member("support"))
    client.post(f"/customers/{ada.id}/addresses", data={"line1": "12 High Street", "postcode": "sw1a 1aa"})
    address = db.session.scalars(sa.select(CustomerAddress)).one()
    assert (address.postcode_key, address.is_default) == ("SW1A1AA", True)
    assert (
        client.post(f"/customers/{ada.id}/addresses/{address.id}", data={"country_code": ""}).status_code
        == 422
    )
    client.post(f"/customers/{ada.id}/addresses/{address.id}/remove")
    db.session.expire_all()
    assert db.session.scalars(sa.select(CustomerAddress)).all() == []


def test_consents_are_a_log(ada: Customer, login: Login, member: Member) -> None:
    client = login(member("support"))
    for state in ("granted", "withdrawn"):
        client.post(
            f"/customers/{ada.id}/consents", data={"channel": "email", "state": state, "source": "by phone"}
        )
    assert db.session.scalars(sa.select(Consent.state).order_by(Consent.id)).all() == ["granted", "withdrawn"]
    assert "Withdrawn" in client.get(f"/customers/{ada.id}").get_data(as_text=True)


def test_a_channel_knows_a_customer_once(scope: int) -> None:
    known = ChannelCustomer("W-17", name="Ada Lovelace", email="ada@example.com")
    first = customer_of_channel(known, by=SYSTEM, source="woocommerce")
    db.session.commit()
    assert customer_of_channel(known, by=SYSTEM, source="woocommerce") == first


def _opened(customer: Customer) -> dict[str, str]:
    """The fields of the edit form as a browser opened now would send them."""
    values = customer_values(customer)
    return {
        **{name: value or "" for name, value in values.items()},
        "version": str(customer.version), "base": pack_base(values),
    }  # fmt: skip
