"""The merchant's settings, and the command line that makes merchants."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.accounts.models import Merchant
from portal.core.database import db
from tests.support.client import HouseClient
from tests.support.people import PASSWORD, Person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]


class _Form(HTMLParser):
    """What a browser would send of a form that nobody touched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_chosen = given.get("type") not in ("checkbox", "radio") or "checked" in given
        if tag == "input" and given.get("name") and is_chosen:
            self.values[given["name"]] = given.get("value", "")
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self.values[self._select] = given["value"]


def opened(client: HouseClient) -> dict[str, str]:
    values = _Form(client.get("/settings/merchant").text).values
    values.pop("q", None)
    return values


def kept(app: Flask, merchant_id: int) -> Merchant:
    with app.app_context():
        return db.session.scalars(sa.select(Merchant).where(Merchant.id == merchant_id)).one()


def test_settings_are_saved(app: Flask, login: Login, member: Member, merchant: int) -> None:
    client = login(member("owner"))
    values = opened(client) | {
        "name": "Tea & Toast",
        "currency": "EUR",
        "prices_include_tax": "y",
        "session_idle_minutes": "60",
    }
    assert client.post("/settings/merchant", data=values).status_code == 303
    saved = kept(app, merchant)
    assert (saved.name, saved.currency, saved.prices_include_tax) == ("Tea & Toast", "EUR", True)
    assert saved.settings == {"session_idle_minutes": 60}
    assert "Tea &amp; Toast" in client.get("/settings/merchant").text


def test_two_people_who_change_different_settings_both_win(
    app: Flask, login: Login, member: Member, merchant: int
) -> None:
    first, second = login(member("owner")), login(member("owner"))
    mine, theirs = opened(first), opened(second)
    first.post("/settings/merchant", data=mine | {"currency": "USD"})
    assert second.post("/settings/merchant", data=theirs | {"time_zone": "Europe/Paris"}).status_code == 303
    saved = kept(app, merchant)
    assert (saved.currency, saved.time_zone) == ("USD", "Europe/Paris")


def test_a_clash_shows_both_and_loses_neither(
    app: Flask, login: Login, member: Member, merchant: int
) -> None:
    first, second = login(member("owner")), login(member("owner"))
    mine, theirs = opened(first), opened(second)
    first.post("/settings/merchant", data=mine | {"name": "First", "country": "IE"})
    answer = second.post("/settings/merchant", data=theirs | {"name": "Second"})
    assert answer.status_code == 409
    assert "First" in answer.text and "Second" in answer.text
    assert kept(app, merchant).name == "First"
    again = _Form(answer.text).values
    assert second.post("/settings/merchant", data=again).status_code == 303
    saved = kept(app, merchant)
    # The name is the second person's choice now; the country they never touched is still the first one's.
    assert (saved.name, saved.country) == ("Second", "IE")


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"currency": "XXX"},
        {"country": "ZZ"},
        {"time_zone": "Mars"},
        {"session_idle_minutes": "2"},
        {"session_idle_minutes": "soon"},
    ],
)
def test_bad_settings_come_back(app: Flask, login: Login, member: Member, values: dict[str, str]) -> None:
    client = login(member("owner"))
    answer = client.post("/settings/merchant", data=opened(client) | values)
    assert answer.status_code == 422
    assert "correction" in answer.text


def test_settings_need_permission(login: Login, member: Member) -> None:
    client = login(member("support"))
    assert client.get("/settings/merchant").status_code == 403
    assert client.post("/settings/merchant").status_code == 403


def test_the_command_line_makes_a_shop_someone_can_enter(app: Flask, client: HouseClient) -> None:
    run = app.test_cli_runner().invoke
    made = run(
        args=[
            "users",
            "create-merchant",
            "corner-shop",
            "--name",
            "Corner Shop",
            "--country",
            "gb",
            "--currency",
            "gbp",
        ]
    )
    assert made.exit_code == 0, made.output
    again = run(
        args=[
            "users",
            "create-merchant",
            "corner-shop",
            "--name",
            "X",
            "--country",
            "GB",
            "--currency",
            "GBP",
        ]
    )
    assert again.exit_code == 1
    assert "already a merchant" in again.output
    person = run(args=["users", "create-user", "cora@example.com", "--name", "Cora", "--password", PASSWORD])
    assert person.exit_code == 0, person.output
    weak = run(args=["users", "create-user", "weak@example.com", "--name", "W", "--password", "short"])
    assert weak.exit_code == 1
    assert run(args=["users", "grant", "cora@example.com", "corner-shop", "owner"]).exit_code == 0
    assert run(args=["users", "grant", "nobody@example.com", "corner-shop", "owner"]).exit_code == 1
    assert run(args=["users", "refresh-roles"]).exit_code == 0
    client.post("/sign-in", data={"email": "cora@example.com", "password": PASSWORD})
    assert "Corner Shop" in client.get("/settings/merchant").text
