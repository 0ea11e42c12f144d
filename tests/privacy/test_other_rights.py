"""Restriction, objection and rectification: what they stop, whom they reach, and how a restriction ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import db
from portal.core.subjects import RestrictedError
from portal.customers.models import CONSENT_CHANNELS, Customer
from portal.customers.queries import newest_consents
from portal.customers.services import change_customer, create_customer, record_consent
from portal.privacy import services
from portal.privacy.models import PrivacyRequest
from portal.privacy.queries import recipients_of
from tests.privacy.planting import Planter
from tests.privacy.requests import recorded_request, scoped_request
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


@pytest.fixture
def ada(scope: int) -> Customer:
    made = create_customer(
        {"name": "Ada Lovelace", "email": "ada@example.com", "country_code": "GB"}, by=SYSTEM
    )
    record_consent(made, "email", granted=True, source="Till", by=SYSTEM)
    db.session.commit()
    return made


@pytest.fixture
def restricted(ada: Customer, actors: tuple[Actor, Actor]) -> PrivacyRequest:
    request = scoped_request(ada.subject_id, by=actors[0], kind="restriction")
    services.carry_out(request, note="", by=actors[0])
    db.session.commit()
    return request


def test_a_restricted_person_is_stored_and_used_for_nothing_else(
    ada: Customer, restricted: PrivacyRequest, login: Login, member: Member
) -> None:
    support = login(member("support"))
    page = support.get(f"/customers/{ada.id}").get_data(as_text=True)
    assert "data is restricted" in page
    assert "ada@example.com" not in page
    assert "ada@example.com" not in support.get("/customers").get_data(as_text=True)
    assert f"/customers/{ada.id}" not in support.get("/customers").get_data(as_text=True)
    assert f"/customers/{ada.id}" not in support.get("/look-up?q=ada@example.com").get_data(as_text=True)
    assert support.get(f"/customers/{ada.id}/edit").status_code == 409
    consent = {"channel": "email", "state": "granted", "source": "Phone"}
    assert support.post(f"/customers/{ada.id}/consents", data=consent).status_code == 409
    with pytest.raises(RestrictedError):
        change_customer(ada, {"name": "Augusta"}, base={}, version=ada.version, by=SYSTEM)


def test_a_restriction_is_lifted_by_who_may_approve_and_leaves_its_evidence(
    ada: Customer, restricted: PrivacyRequest, login: Login, officers: tuple[Person, Person], member: Member
) -> None:
    desk, at = login(officers[1]), f"/privacy/requests/{restricted.id}"
    assert "Lift the restriction" in desk.get(at).get_data(as_text=True)
    assert login(member("support")).post(f"{at}/lifting").status_code == 403
    assert desk.post(f"{at}/lifting", data={"note": "Told by letter"}).status_code == 303
    assert "Restriction lifted" in desk.get(at).get_data(as_text=True)
    assert desk.post(f"{at}/lifting").status_code == 409
    assert f"/customers/{ada.id}" in login(member("support")).get("/customers").get_data(as_text=True)


def test_an_objection_withdraws_every_consent(ada: Customer, actors: tuple[Actor, Actor]) -> None:
    request = recorded_request(ada.subject_id, by=actors[0], kind="objection")
    services.carry_out(request, note="", by=actors[0])
    db.session.commit()
    assert {(each.channel, each.state) for each in newest_consents(ada.id)} == {
        (channel, "withdrawn") for channel in CONSENT_CHANNELS
    }


def test_a_rectification_leads_to_the_customer_and_is_told_to_who_received_the_data(
    person: Planter, actors: tuple[Actor, Actor], login: Login, officers: tuple[Person, Person]
) -> None:
    request = scoped_request(person.subject_id, by=actors[0], kind="rectification")
    desk, at = login(officers[0]), f"/privacy/requests/{request.id}"
    assert f"/customers/regions/people/{person.subject_id}" in desk.get(at).get_data(as_text=True)
    customer = db.session.scalars(
        sa.select(Customer.id).where(Customer.subject_id == person.subject_id)
    ).first()
    region = desk.get(f"/customers/regions/people/{person.subject_id}").get_data(as_text=True)
    assert f"/customers/{customer}" in region
    assert desk.post(f"{at}/fulfilment", data={"note": "New surname"}).status_code == 303
    assert recipients_of(request.id)
    assert desk.post(f"{at}/closure").status_code == 422, "somebody must still be told"
    for task in recipients_of(request.id):
        desk.post(f"{at}/recipients/{task.id}", data={"state": "done"})
    assert desk.post(f"{at}/closure").status_code == 303
