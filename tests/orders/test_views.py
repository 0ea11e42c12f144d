"""The orders' screens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.database import db
from portal.core.reveal import PersonalDataView
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person
from tests.support.shop import Shop, levels, open_shop
from tests.support.statements import count_statements

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 10})


def test_the_list_masks_who_bought(shop: Shop, login: Login, member: Member) -> None:
    shop.order(("MUG", 1, "4.50"))
    page = login(member("support")).get("/orders").get_data(as_text=True)
    assert "1001" in page
    assert "A••• L•••" in page
    assert "Lovelace" not in page


def test_the_list_costs_the_same_whatever_its_size(
    app: Flask, shop: Shop, login: Login, member: Member
) -> None:
    client = login(member("support"))
    client.get("/orders")
    counts = []
    for size in (1, 12):
        for _ in range(size):
            shop.order(("MUG", 1, "0"), contacts=())
        counts.append(count_statements(app, lambda: client.get("/orders")))
    assert counts[0] == counts[1] <= 12


def test_support_sees_the_person_and_the_look_is_logged(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    page = login(member("support")).get(f"/orders/{placed.number}").get_data(as_text=True)
    assert "Ada Lovelace" in page
    seen = db.session.scalars(sa.select(PersonalDataView)).one()
    assert (seen.case_kind, seen.case_id, seen.kind) == ("order", placed.order_id, "view")


def test_other_roles_see_a_mask(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    page = login(member("analyst")).get(f"/orders/{placed.number}").get_data(as_text=True)
    assert "Lovelace" not in page
    assert "ada@example.com" not in page


def test_a_reveal_wants_a_reason(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    client = login(member("compliance"))
    refused = client.post(f"/orders/{placed.number}/reveal", data={"reason": "x"})
    assert refused.status_code == 422
    assert "Lovelace" not in refused.get_data(as_text=True)
    shown = client.post(f"/orders/{placed.number}/reveal", data={"reason": "Answering request 12 by letter"})
    assert "Ada Lovelace" in shown.get_data(as_text=True)


def test_a_stranger_finds_nothing(app: Flask, shop: Shop, login: Login) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    stranger = login(make_person(app, make_merchant(app), "owner"))
    assert stranger.get(f"/orders/{placed.number}").status_code == 404
    assert stranger.post(f"/orders/{placed.number}/cancellation").status_code == 404


def test_a_reader_may_not_change(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    client = login(member("read-only"))
    for path in ("hold", "cancellation", "parcels", "payments", "notes", "tags"):
        assert client.post(f"/orders/{placed.number}/{path}").status_code == 403


def test_sending_twice_by_a_double_click_sends_once(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    client = login(member("warehouse"))
    first = client.post(f"/orders/{placed.number}/parcels", data={"version": "1", "line-1": "1"})
    second = client.post(f"/orders/{placed.number}/parcels", data={"version": "1", "line-1": "1"})
    assert (first.status_code, second.status_code) == (303, 409)
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (9, 1)}


@pytest.mark.parametrize("units", ["x", "-1", "1.5", "99", "9" * 30, "٣"])
def test_units_that_make_no_sense_are_refused_by_line(
    shop: Shop, login: Login, member: Member, units: str
) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    answer = login(member("warehouse")).post(
        f"/orders/{placed.number}/parcels", data={"version": "1", "line-1": units}
    )
    assert answer.status_code == 422
    assert "Line 1" in answer.get_data(as_text=True)


def test_a_refused_payment_keeps_what_was_typed(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    answer = login(member("support")).post(
        f"/orders/{placed.number}/payments",
        data={"version": "1", "amount": "77", "method": "cash", "reference": "till 9"},
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "more than the 4.50 GBP still due" in page
    assert "till 9" in page


def test_home_counts_what_waits(shop: Shop, login: Login, member: Member) -> None:
    shop.order(("MUG", 1, "4.50"), paid="4.50")
    shop.order(("MUG", 1, "4.50"))
    region = login(member("support")).fragment("/orders/worklist").get_data(as_text=True)
    assert "To ship" in region
    assert "Unpaid" in region
