"""Every address, tried as nobody, as someone without rights, and without or with a forged token."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.accounts.access import declared_access, public_route, requires
from portal.accounts.roles import create_role
from portal.accounts.services import add_member
from portal.core.csrf import csrf
from portal.core.database import db, merchant_scope
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_person, sign_in
from tests.whole_app.addresses import address_of, methods_of, unsafe_methods
from tests.whole_app.rules import routes

Login = Callable[[Person], HouseClient]


def person_without_rights(app: Flask, merchant_id: int) -> Person:
    person = make_person(app, merchant_id, "read-only")
    with app.app_context(), merchant_scope(merchant_id):
        role = create_role(name="Nothing", description="", permissions=(), own=frozenset(), by=SYSTEM)
        add_member(person.user_id, role.id, by=SYSTEM)
        db.session.commit()
    return person


def open_to_nobody(app: Flask, client: HouseClient, only: Iterable[Rule] | None = None) -> list[str]:
    """Addresses that answer someone who is not signed in with anything but the way to sign in."""
    found = []
    for rule in only or routes(app):
        access = declared_access(app, rule.endpoint)
        if access is not None and access.is_public:
            continue
        for method in methods_of(rule):
            path = address_of(app, rule)
            plain = client.open(path, method=method)
            if plain.status_code != 401 and not (
                plain.status_code == 303 and plain.location.startswith("/sign-in")
            ):
                found.append(f"{method} {path}: {plain.status_code}")
            partial = client.open(path, method=method, headers={"HX-Request": "true"})
            if partial.status_code != 401 or (
                rule.rule[:5] != "/api/" and "HX-Redirect" not in partial.headers
            ):
                found.append(f"{method} {path} by htmx: {partial.status_code}")
    return found


def open_without_rights(app: Flask, client: HouseClient, only: Iterable[Rule] | None = None) -> list[str]:
    """Addresses with a permission that answer a member who holds none."""
    return [
        f"{method} {path}: {status}"
        for rule in only or routes(app)
        if (access := declared_access(app, rule.endpoint)) is not None and access.permissions
        for method in methods_of(rule)
        if (status := client.open(path := address_of(app, rule), method=method).status_code) not in {403, 404}
    ]


def test_nobody_gets_anywhere_without_signing_in(app: Flask, client: HouseClient) -> None:
    assert open_to_nobody(app, client) == []


def test_a_member_without_rights_gets_nowhere(app: Flask, login: Login, merchant: int) -> None:
    assert open_without_rights(app, login(person_without_rights(app, merchant))) == []


def test_an_open_door_is_found(planted: Flask, merchant: int) -> None:
    planted.add_url_rule("/planted", "planted", requires("orders.view")(lambda: "the orders"))
    door = [rule for rule in routes(planted) if rule.endpoint == "planted"]
    client = planted.test_client()
    assert isinstance(client, HouseClient)
    assert open_to_nobody(planted, client, door) == []
    hooks = planted.before_request_funcs[None]
    hooks[:] = [hook for hook in hooks if hook.__name__ != "guard_request"]
    assert len(open_to_nobody(planted, client, door)) == 2
    sign_in(planted, client, person_without_rights(planted, merchant))
    assert open_without_rights(planted, client, door) == ["GET /planted: 200"]


class TestForgedRequests:
    """Another site cannot make a signed-in browser change anything."""

    @pytest.fixture
    def guarded(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
        monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
        return app

    def test_every_change_needs_the_token(
        self, guarded: Flask, login: Login, member: Callable[..., Person]
    ) -> None:
        client = login(member("owner"))
        assert taken_without_token(guarded, client) == []
        assert client.get("/account").status_code == 200

    def test_nobody_is_signed_in_or_out_without_the_token(self, guarded: Flask, client: HouseClient) -> None:
        assert taken_without_token(guarded, client) == []

    def test_every_change_is_refused_to_another_site(
        self, guarded: Flask, login: Login, member: Callable[..., Person]
    ) -> None:
        client = login(member("owner"))
        token = token_of(client)
        for rule in routes(guarded):
            for method in unsafe_methods(rule):
                for site in ("cross-site", "same-site"):
                    answer = client.open(
                        address_of(guarded, rule),
                        method=method,
                        headers={"X-CSRFToken": token, "Sec-Fetch-Site": site},
                    )
                    assert answer.status_code == 403, rule

    def test_our_own_page_may_change_things(
        self, guarded: Flask, login: Login, member: Callable[..., Person]
    ) -> None:
        client = login(member("owner"))
        headers = {"X-CSRFToken": token_of(client), "Sec-Fetch-Site": "same-origin"}
        assert client.post("/account/preferences", data={"theme": "dark"}, headers=headers).status_code == 303

    def test_a_token_of_another_session_is_worth_nothing(
        self, guarded: Flask, login: Login, member: Callable[..., Person]
    ) -> None:
        theirs = token_of(login(member("owner")))
        answer = login(member("owner")).post("/account/preferences", headers={"X-CSRFToken": theirs})
        assert answer.status_code == 400

    def test_a_view_without_the_check_is_found(self, planted: Flask) -> None:
        planted.config["WTF_CSRF_ENABLED"] = True
        view = public_route("a test")(lambda: "done")
        view.__name__ = "planted_exemption"
        csrf.exempt(view)
        planted.add_url_rule("/planted", "planted", view, methods=["POST"])
        client = planted.test_client()
        assert isinstance(client, HouseClient)
        assert taken_without_token(planted, client) == ["POST /planted: 200"]


# Addresses of machines that sign what they send and carry no cookie, so there is nothing another site could use.
SIGNED: Final = frozenset({"payments.take_notice"})


def taken_without_token(app: Flask, client: HouseClient) -> list[str]:
    """Changes that were not refused though they carried no token."""
    found = []
    for rule in (each for each in routes(app) if each.endpoint not in SIGNED):
        for method in unsafe_methods(rule):
            path = address_of(app, rule)
            answer: TestResponse = client.open(path, method=method)
            access = declared_access(app, rule.endpoint)
            # A program's address takes no cookie, so there is nothing another site could use: it asks for the key.
            if answer.status_code != (401 if access is not None and access.scope else 400):
                found.append(f"{method} {path}: {answer.status_code}")
    return found


def token_of(client: HouseClient) -> str:
    page = client.get("/account").text
    return page.partition('name="csrf_token" type="hidden" value="')[2].partition('"')[0]
