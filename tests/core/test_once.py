"""A form that is sent twice makes one thing; what was refused, and what was changed since, is another form."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask, request
from werkzeug.test import TestResponse

from portal.core import once
from portal.core.database import db, merchant_scope
from portal.core.idempotency import IdempotencyKey
from portal.core.once import AGAIN, FIELD
from portal.stock.models import StockTransfer
from portal.stock.places import add_location
from portal.stock.transfers import views
from tests.core.test_http import deadlock
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person

PATH = "/stock/transfers/new"
Send = Callable[..., TestResponse]


@pytest.fixture
def client(login: Callable[[Person], HouseClient], member: Callable[..., Person]) -> HouseClient:
    return login(member("warehouse"))


@pytest.fixture
def typed(app: Flask, merchant: int) -> dict[str, str]:
    """What makes a transfer."""
    with app.app_context(), merchant_scope(merchant):
        places = [
            add_location({"name": name, "kind": "warehouse"}, by=SYSTEM).id for name in ("North", "South")
        ]
        db.session.commit()
    return {"from_location_id": str(places[0]), "to_location_id": str(places[1])}


@pytest.fixture
def made(app: Flask, merchant: int) -> Callable[[], int]:
    """How many transfers there are."""

    def count() -> int:
        with app.app_context(), merchant_scope(merchant):
            return len(db.session.scalars(sa.select(StockTransfer.id)).all())

    return count


def token_of(page: str) -> str:
    found = re.search(rf'name="{FIELD}" value="(\w+)"', page)
    assert found
    return found[1]


def test_a_form_sent_again_leads_to_what_it_made(
    client: HouseClient, typed: dict[str, str], made: Callable[[], int]
) -> None:
    form = typed | {FIELD: token_of(client.get(PATH).text)}
    first, second = client.post(PATH, data=form), client.post(PATH, data=form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert made() == 1
    assert AGAIN in client.get(str(second.location)).text


def test_sent_many_times_at_once_it_makes_one(
    app: Flask,
    login: Callable[[Person], HouseClient],
    member: Callable[..., Person],
    typed: dict[str, str],
    made: Callable[[], int],
) -> None:
    person = member("warehouse")
    clients = [login(person) for _ in range(8)]
    form = typed | {FIELD: "a-double-click"}
    barrier, found = threading.Barrier(len(clients)), []

    def send(client: HouseClient) -> None:
        barrier.wait()
        found.append(client.post(PATH, data=form).location)

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(clients) and len(set(found)) == 1
    assert made() == 1


def test_what_was_changed_since_is_another_form(
    client: HouseClient, typed: dict[str, str], made: Callable[[], int]
) -> None:
    form = typed | {FIELD: token_of(client.get(PATH).text)}
    client.post(PATH, data=form)
    client.post(PATH, data=form | {"note": "The second one"})
    assert made() == 2


def test_what_was_refused_can_be_mended_and_sent(
    client: HouseClient, typed: dict[str, str], made: Callable[[], int]
) -> None:
    same = typed | {"to_location_id": typed["from_location_id"], FIELD: token_of(client.get(PATH).text)}
    refused = client.post(PATH, data=same)
    assert refused.status_code == 422
    assert client.post(PATH, data=same).status_code == 422
    assert client.post(PATH, data=typed | {FIELD: token_of(refused.text)}).status_code == 303
    assert made() == 1


def test_without_a_token_each_makes_one(
    client: HouseClient, typed: dict[str, str], made: Callable[[], int]
) -> None:
    for _ in range(2):
        assert client.post(PATH, data=typed).status_code == 303
    assert made() == 2


def test_another_try_after_a_deadlock_makes_one(
    client: HouseClient, typed: dict[str, str], made: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    remember = once.remember

    def knotted(*args: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise deadlock()
        remember(*args)

    monkeypatch.setattr(once, "remember", knotted)
    form = typed | {FIELD: token_of(client.get(PATH).text)}
    places = {client.post(PATH, data=form).location for _ in range(2)}
    assert len(places) == 1 and None not in places
    assert (len(tries), made()) == (3, 1)


def test_a_view_that_commits_by_itself_is_found(
    client: HouseClient, typed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_itself(address: str) -> str:
        db.session.commit()
        return address

    monkeypatch.setattr(views, "made_at", by_itself)
    with pytest.raises(RuntimeError, match=r"create_transfer must commit by made_at"):
        client.post(PATH, data=typed | {FIELD: "a"})


def test_the_list_it_is_seen_in_is_not_kept(
    app: Flask, merchant: int, client: HouseClient, typed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_list(address: str) -> object:
        return once.made_at(f"{address}?list={request.args['list']}&tab=lines")

    monkeypatch.setattr(views, "made_at", in_list)
    first, second = (
        client.post(f"{PATH}?list=ada%40example.com", data=typed | {FIELD: "a"}) for _ in range(2)
    )
    assert "list=ada%40example.com" in str(second.location) and "tab=lines" in str(second.location)
    assert urlsplit(first.location).path == urlsplit(second.location).path
    with app.app_context(), merchant_scope(merchant):
        [kept] = db.session.scalars(sa.select(IdempotencyKey.address)).all()
    assert kept == f"{urlsplit(first.location).path}?tab=lines"
