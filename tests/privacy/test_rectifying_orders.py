"""A person is corrected on all their orders from the request that asks for it: found by the new keys, documents left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.audit.models import AuditEntry
from portal.core.database import db
from portal.core.normalise import email_key, full_name_key, phone_key
from portal.orders import rectifying, services
from portal.orders.documents.services import issue_invoice
from portal.orders.fulfilment.correcting import label_made
from portal.orders.fulfilment.parcels import plan_parcel
from portal.orders.models import Order, OrderContact, OrderDocument, OrderRef
from portal.orders.placement import NewContact, PlacedOrder
from portal.privacy import services as privacy
from portal.privacy.models import PrivacyRequest, PrivacyRequestEvent
from tests.orders.documents.shops import invoicing_shop
from tests.privacy.requests import recorded_request, scoped_request
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]

HOME = {"line1": "1 Old Road", "postcode": "BS1 4RW", "city": "Bristol", "country_code": "GB"}


@pytest.fixture
def shop(scope: int) -> Shop:
    return invoicing_shop({"MUG": 50})


def guest(kind: str = "buyer", **values: str) -> NewContact:
    return NewContact(
        kind, **{"name": "Jon Smiht", "email": "jon@example.com", "phone": "0117 496 0123", **HOME, **values}
    )  # type: ignore[arg-type]


def place(shop: Shop, subject: int | None = None, *contacts: NewContact) -> PlacedOrder:
    placed = shop.order(("MUG", 1, "4.50"), paid="4.50", contacts=contacts or (guest(), guest("shipping")))
    if subject is not None:
        db.session.execute(
            sa.update(OrderRef).where(OrderRef.order_id == placed.order_id).values(subject_id=subject)
        )
    db.session.commit()
    return placed


def subject_of(placed: PlacedOrder) -> int:
    found = db.session.scalars(
        sa.select(OrderRef.subject_id).where(OrderRef.order_id == placed.order_id)
    ).one()
    assert found is not None
    return found


def contacts(placed: PlacedOrder) -> list[OrderContact]:
    db.session.expire_all()
    return list(
        db.session.scalars(
            sa.select(OrderContact).where(OrderContact.order_id == placed.order_id).order_by(OrderContact.n)
        )
    )


@pytest.fixture
def two(shop: Shop) -> tuple[PlacedOrder, PlacedOrder]:
    """Two orders of one guest, who moved in between; the first is closed."""
    first = place(shop)
    services.ship_lines(first.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM)
    second = place(shop, subject_of(first), guest(line1="9 New Lane"), guest("shipping", line1="9 New Lane"))
    db.session.commit()
    return first, second


@pytest.fixture
def asked(two: tuple[PlacedOrder, PlacedOrder], actors: tuple[Actor, Actor]) -> PrivacyRequest:
    return scoped_request(subject_of(two[0]), by=actors[0], kind="rectification")


def fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input[^>]*name="([0-9a-f]{16}-[a-z0-9_]+)" value="([^"]*)"', page)
    return dict(found)


def correct(typed: dict[str, str], **changes: str) -> dict[str, str]:
    """The form with every field of these names that held the old value."""
    return {
        name: next((new for field, new in changes.items() if name.endswith(f"-{field}")), text)
        for name, text in typed.items()
    }


def test_a_value_is_corrected_on_every_order_that_holds_it(
    two: tuple[PlacedOrder, PlacedOrder],
    asked: PrivacyRequest,
    shop: Shop,
    login: Login,
    officers: tuple[Person, Person],
    member: Member,
) -> None:
    other = place(shop)
    desk, at = login(officers[0]), f"/privacy/requests/{asked.id}/orders"
    assert (
        "Their data stands on 2 orders."
        in desk.fragment(f"/regions{at.replace('privacy/requests', 'privacy-requests')}").text
    )
    page = desk.get(at).text
    typed = fields(page)
    assert sorted(typed.values()).count("Jon Smiht") == 1, "one name, however many orders hold it"
    assert {"1 Old Road", "9 New Lane"} <= set(typed.values())
    sent = correct(typed, name="John Smith", email="john@example.com", phone="0117 496 0999")
    answer = desk.post(at, data=sent)
    assert answer.status_code == 303 and answer.headers["Location"].endswith(f"/privacy/requests/{asked.id}")
    for placed, street in zip(two, ("1 Old Road", "9 New Lane"), strict=True):
        for each in contacts(placed):
            assert (each.name, each.email, each.line1) == ("John Smith", "john@example.com", street)
            assert each.name_key == full_name_key("John Smith")
            assert each.email_key == email_key("john@example.com")
            assert each.phone_key == phone_key("0117 496 0999", "GB")
    assert {each.name for each in contacts(other)} == {"Jon Smiht"}, "somebody else of the same name"
    listed = login(member("support")).get("/orders?f=1.email.is.john@example.com").text
    assert f">{two[0].number}<" in listed and f">{other.number}<" not in listed
    told = db.session.scalars(
        sa.select(PrivacyRequestEvent).where(PrivacyRequestEvent.action == "orders_corrected")
    ).one()
    assert told.facts == {"orders": 2, "fields": "name, email, phone"}
    assert "2 orders: name, email, phone." in desk.get(f"/privacy/requests/{asked.id}").text
    entries = db.session.scalars(
        sa.select(AuditEntry).where(AuditEntry.action == "order.contact_corrected")
    ).all()
    assert len(entries) == 4 and {each.data_subject_id for each in entries} == {asked.subject_id}
    assert all(each.sealed_changes and not each.changes for each in entries)


def test_an_address_is_corrected_without_touching_the_other(
    two: tuple[PlacedOrder, PlacedOrder], asked: PrivacyRequest, login: Login, officers: tuple[Person, Person]
) -> None:
    desk, at = login(officers[0]), f"/privacy/requests/{asked.id}/orders"
    typed = fields(desk.get(at).text)
    sent = {name: "10 New Lane" if text == "9 New Lane" else text for name, text in typed.items()}
    key = next(name for name, text in typed.items() if text == "9 New Lane").partition("-")[0]
    old = next(name for name, text in typed.items() if text == "1 Old Road").partition("-")[0]
    sent |= {f"{key}-country_code": "IE", f"{old}-country_code": "IE"}
    assert desk.post(at, data=sent).status_code == 303
    assert {each.line1 for each in contacts(two[0])} == {"1 Old Road"}
    assert {each.line1 for each in contacts(two[1])} == {"10 New Lane"}
    countries = dict(db.session.execute(sa.select(Order.id, Order.country_code)).all())
    assert countries[two[1].order_id] == "IE"
    assert countries[two[0].order_id] != "IE", "a closed order keeps the country its tax was decided by"


def test_issued_documents_stay_and_that_is_said(
    two: tuple[PlacedOrder, PlacedOrder], asked: PrivacyRequest, login: Login, officers: tuple[Person, Person]
) -> None:
    issue_invoice(two[0].order_id, by=SYSTEM)
    db.session.commit()
    kept = db.session.execute(sa.select(*OrderDocument.__table__.c)).mappings().all()
    desk, at = login(officers[0]), f"/privacy/requests/{asked.id}/orders"
    page = desk.get(at).text
    assert "1 issued document keeps" in page
    assert desk.post(at, data=correct(fields(page), name="John Smith")).status_code == 303
    db.session.rollback()
    assert db.session.execute(sa.select(*OrderDocument.__table__.c)).mappings().all() == kept


def test_a_printed_label_asks_first_but_not_for_an_email(
    two: tuple[PlacedOrder, PlacedOrder], asked: PrivacyRequest, login: Login, officers: tuple[Person, Person]
) -> None:
    plan_parcel(two[1].order_id, {1: 1}, by=SYSTEM)
    label_made(two[1].order_id, 1, by=SYSTEM)
    db.session.commit()
    desk, at = login(officers[0]), f"/privacy/requests/{asked.id}/orders"
    sent = correct(fields(desk.get(at).text), name="John Smith")
    refused = desk.post(at, data=sent)
    assert (
        refused.status_code == 409 and "A label is printed" in refused.text and "John Smith" in refused.text
    )
    assert {each.name for each in contacts(two[0])} == {"Jon Smiht"}, "all or nothing"
    mail = correct(fields(desk.get(at).text), email="john@example.com")
    assert desk.post(at, data=mail).status_code == 303
    sent = correct(fields(desk.get(at).text), name="John Smith")
    assert desk.post(at, data={**sent, "voids_labels": "1"}).status_code == 303
    assert {each.name for each in contacts(two[1])} == {"John Smith"}


def test_a_stale_or_second_form_changes_nothing(
    two: tuple[PlacedOrder, PlacedOrder], asked: PrivacyRequest, login: Login, officers: tuple[Person, Person]
) -> None:
    desk, at = login(officers[0]), f"/privacy/requests/{asked.id}/orders"
    sent = correct(fields(desk.get(at).text), name="John Smith")
    assert [desk.post(at, data=sent).status_code for _ in range(2)] == [303, 409]
    unchanged = desk.post(at, data=fields(desk.get(at).text))
    assert unchanged.status_code == 422 and "Change at least one field." in unchanged.text


@pytest.mark.parametrize(
    ("field", "text"), [("email", "nobody"), ("name", "x" * 201), ("country_code", "gb;")]
)
def test_a_slip_is_named_and_nothing_is_lost(
    asked: PrivacyRequest, login: Login, officers: tuple[Person, Person], field: str, text: str
) -> None:
    desk, at = login(officers[0]), f"/privacy/requests/{asked.id}/orders"
    typed = fields(desk.get(at).text)
    key = next(name for name in typed if name.endswith("-line1" if field == "country_code" else f"-{field}"))
    sent = correct(typed, phone="0117 1") | {f"{key.partition('-')[0]}-{field}": text}
    answer = desk.post(at, data=sent)
    assert answer.status_code == 422 and "0117 1" in answer.text and "field-error" in answer.text


def test_many_orders_are_corrected_a_hundred_at_once(
    two: tuple[PlacedOrder, PlacedOrder],
    asked: PrivacyRequest,
    login: Login,
    officers: tuple[Person, Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rectifying, "MOST_AT_ONCE", 1)
    desk, at = login(officers[0]), f"/privacy/requests/{asked.id}/orders"
    first = desk.post(at, data=correct(fields(desk.get(at).text), name="John Smith"))
    assert first.headers["Location"].endswith(at)
    again = desk.get(at).text
    assert "1 more hold what was wrong" in again
    sent = {name: "John Smith" if text == "Jon Smiht" else text for name, text in fields(again).items()}
    assert desk.post(at, data=sent).headers["Location"].endswith(f"/privacy/requests/{asked.id}")
    assert {each.name for placed in two for each in contacts(placed)} == {"John Smith"}


def test_only_an_identified_rectification_of_ones_own_opens_it(
    two: tuple[PlacedOrder, PlacedOrder],
    asked: PrivacyRequest,
    actors: tuple[Actor, Actor],
    login: Login,
    officers: tuple[Person, Person],
    member: Member,
) -> None:
    desk, subject = login(officers[0]), subject_of(two[0])
    erasure = recorded_request(subject, by=actors[0], kind="erasure")
    for method in (desk.get, desk.post):
        answer: Any = method(f"/privacy/requests/{erasure.id}/orders")
        assert answer.status_code == 409
        assert method("/privacy/requests/999999/orders").status_code == 404
    assert login(member("support")).get(f"/privacy/requests/{asked.id}/orders").status_code == 403
    privacy.carry_out(asked, note="", by=actors[0])
    db.session.commit()
    assert desk.post(f"/privacy/requests/{asked.id}/orders", data={"x": "y"}).status_code == 409
