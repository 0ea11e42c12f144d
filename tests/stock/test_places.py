"""Locations and reasons."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest
from flask import Flask

from portal.core.database import db, merchant_scope
from portal.core.merging import pack_base
from portal.stock.models import Location, StockReason
from portal.stock.services import Move, adjust_stock, apply_moves
from tests.catalog.test_products import form_of
from tests.stock.conftest import Shelf
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person
from tests.support.waiting import row_waiters, until

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]


def test_a_location_is_added_changed_and_closed(
    app: Flask, merchant: int, login: Login, member: Member
) -> None:
    client = login(member("warehouse"))
    assert "No locations yet" in client.get("/stock/locations").text
    assert client.post("/stock/locations/new", data={"name": "Main", "kind": "warehouse"}).status_code == 303
    page = client.get("/stock/locations").text
    key = int(re.findall(r'id="location-(\d+)"', page)[0])
    address = f"/stock/locations/{key}"
    form = form_of(client.get(address).text, address)
    assert client.post(address, data=form | {"name": "Main warehouse"}).status_code == 303
    assert client.post(f"{address}/activation/remove").status_code == 303
    with app.app_context(), merchant_scope(merchant):
        found = db.session.get_one(Location, (merchant, key))
        assert (found.name, found.code, found.is_active) == ("Main warehouse", "MAIN", False)


def test_a_location_that_holds_units_stays_in_use(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    client = login(member("warehouse"))
    answer = client.post(f"/stock/locations/{shelf.main}/activation/remove", follow_redirects=True)
    assert "10 units still lie at Main" in answer.text
    with app.app_context(), merchant_scope(merchant):
        assert db.session.get_one(Location, (merchant, shelf.main)).is_active


def test_a_stale_save_of_a_location_asks(login: Login, member: Member, shelf: Shelf) -> None:
    anna, ben = login(member("warehouse")), login(member("owner"))
    address = f"/stock/locations/{shelf.main}"
    hers, his = (form_of(each.get(address).text, address) for each in (anna, ben))
    assert anna.post(address, data=hers | {"name": "North"}).status_code == 303
    assert ben.post(address, data=his | {"address": "1 Mill Lane"}).status_code == 303
    clash = ben.post(address, data=his | {"name": "South"})
    assert clash.status_code == 409 and "North" in clash.text and "South" in clash.text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": ""}, "Enter a name"),
        ({"kind": "moon"}, "what kind"),
        ({"code": "MAIN"}, "has this code"),
        ({"position": "x"}, "whole number"),
    ],
)
def test_bad_input_is_refused_at_its_field(
    login: Login, member: Member, shelf: Shelf, values: dict[str, str], words: str
) -> None:
    answer = login(member("warehouse")).post(
        "/stock/locations/new", data={"name": "Second", "kind": "warehouse"} | values
    )
    assert answer.status_code == 422 and words in answer.text and 'aria-invalid="true"' in answer.text


def test_reasons_are_added_renamed_and_put_away(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    client = login(member("warehouse"))
    assert client.post("/stock/reasons", data={"label": "Found"}).status_code == 303
    assert client.post("/stock/reasons", data={"label": "Found"}).status_code == 422
    assert client.post("/stock/reasons", data={"label": ""}).status_code == 422
    assert (
        client.post(
            f"/stock/reasons/{shelf.reason_id}",
            data={
                "label": "Broken",
                "code": "damaged",
                "base": pack_base({"label": "Damaged", "code": "damaged"}),
            },
        ).status_code
        == 303
    )
    client.post(f"/stock/reasons/{shelf.reason_id}/activation/remove")
    with app.app_context(), merchant_scope(merchant):
        found = db.session.get_one(StockReason, (merchant, shelf.reason_id))
        assert (found.label, found.code, found.is_active) == ("Broken", "damaged", False)
    page = client.get(f"/stock/levels/{shelf.variant_id}/{shelf.main}").text
    assert "Found</option>" in page and "Broken</option>" not in page


def test_strangers_and_readers_change_nothing(app: Flask, login: Login, member: Member, shelf: Shelf) -> None:
    stranger = login(make_person(app, make_merchant(app)))
    assert stranger.get(f"/stock/locations/{shelf.main}").status_code == 404
    assert stranger.post(f"/stock/reasons/{shelf.reason_id}", data={"label": "Mine"}).status_code == 404
    reader = login(member("read-only"))
    assert "Add location" not in reader.get("/stock/locations").text
    for address in ("/stock/locations/new", f"/stock/locations/{shelf.main}", "/stock/reasons"):
        assert reader.post(address).status_code == 403


def test_a_location_that_goods_are_on_their_way_to_stays_in_use(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        apply_moves([Move(shelf.variant_id, shelf.shop, "expected", incoming=1)], by=SYSTEM)
        db.session.commit()
    answer = login(member("owner")).post(
        f"/stock/locations/{shelf.shop}/activation/remove", follow_redirects=True
    )
    assert "1 unit is on the way to Shop" in answer.text


def test_a_location_is_not_closed_over_units_that_are_being_put_there(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    client, texts = login(member("owner")), list[str]()
    closing = threading.Thread(
        target=lambda: texts.append(
            client.post(f"/stock/locations/{shelf.shop}/activation/remove", follow_redirects=True).text
        )
    )
    with app.app_context(), merchant_scope(merchant):
        adjust_stock(shelf.variant_id, shelf.shop, 4, by=SYSTEM)
        closing.start()
        until(lambda: row_waiters(app) == 1)
        db.session.commit()
    closing.join()
    assert "4 units still lie at Shop" in texts[0]
