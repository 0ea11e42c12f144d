"""Sales channels as settings, and keys of programs as a screen."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from portal.accounts.models import ApiKey
from portal.core.database import db
from portal.orders.models import SalesChannel
from tests.support.client import HouseClient
from tests.support.people import Person

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


def base_in(page: str) -> str:
    return page.partition('name="base" type="hidden" value="')[2].partition('"')[0].replace("&#34;", '"')


def test_a_channel_is_made_changed_and_merged(login: Login, member: Member, scope: int) -> None:
    owner = login(member("owner"))
    sent = {"name": "Market stall", "code": "", "kind": "pos", "safety_buffer": "2", "is_active": "y"}
    assert owner.post("/settings/sales-channels/new", data=sent).status_code == 303
    channel = db.session.scalars(sa.select(SalesChannel)).one()
    assert (channel.code, channel.kind, channel.safety_buffer) == ("market-stall", "pos", 2)
    address = f"/settings/sales-channels/{channel.id}"
    base = base_in(owner.get(address).text)
    mine = sent | {"code": "market-stall", "safety_buffer": "5", "base": base}
    theirs = sent | {"code": "market-stall", "name": "Night market", "base": base}
    assert owner.post(address, data=theirs).status_code == 303
    assert owner.post(address, data=mine).status_code == 303
    db.session.expire_all()
    assert (channel.name, channel.safety_buffer) == ("Night market", 5)
    clash = owner.post(address, data=theirs | {"name": "Day market"})
    assert clash.status_code == 409
    assert "Night market" in clash.text


def test_a_channel_that_makes_no_sense_is_refused(login: Login, member: Member, scope: int) -> None:
    owner = login(member("owner"))
    good = {"name": "Shop", "code": "shop", "kind": "web", "safety_buffer": "0", "is_active": "y"}
    assert owner.post("/settings/sales-channels/new", data=good).status_code == 303
    for wrong in ({"name": " "}, {"kind": "fax"}, {"safety_buffer": "-1"}, {"safety_buffer": "many"}):
        assert owner.post("/settings/sales-channels/new", data=good | wrong).status_code == 422
    assert owner.post("/settings/sales-channels/new", data=good).status_code == 409
    assert "Shop" in owner.get("/settings/sales-channels").text
    support = login(member("support"))
    assert support.get("/settings/sales-channels").status_code == 403


def test_the_secret_of_a_key_is_shown_once(login: Login, member: Member, scope: int) -> None:
    owner = login(member("owner"))
    owner.post("/settings/sales-channels/new", data={"name": "Shop", "kind": "web", "is_active": "y"})
    channel_id = db.session.scalars(sa.select(SalesChannel.id)).one()
    sent = {"name": "Web shop", "scopes": ["orders.write"], "channel_id": channel_id, "rate_per_minute": "60"}
    made = owner.post("/settings/api-keys", data=sent)
    assert made.status_code == 200
    secret = made.text.partition('value="prt_')[2].partition('"')[0]
    assert len(secret) > 43
    page = owner.get("/settings/api-keys").text
    assert secret not in page
    assert "Web shop" in page
    key = db.session.scalars(sa.select(ApiKey)).one()
    assert owner.post(f"/settings/api-keys/{key.id}/revocation").status_code == 303
    assert "Revoked" in owner.get("/settings/api-keys").text
    for wrong in ({"scopes": []}, {"channel_id": "0"}, {"rate_per_minute": "0"}, {"name": " "}):
        assert owner.post("/settings/api-keys", data=sent | wrong).status_code == 422
