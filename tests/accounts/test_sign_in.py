"""Coming in, staying in and being shown out."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import argon2
import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts import passwords, throttling
from portal.accounts.models import Membership, User, UserSession
from portal.accounts.roles import role_by_key
from portal.accounts.services import add_member
from portal.core import throttle
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from tests.accounts.links import without_tokens
from tests.support.client import HouseClient
from tests.support.people import PASSWORD, SYSTEM, Person, make_merchant

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]


def try_to_sign_in(
    client: HouseClient, email: str, password: str = PASSWORD, address: str = "192.0.2.1"
) -> TestResponse:
    return client.post(
        "/sign-in", data={"email": email, "password": password}, environ_base={"REMOTE_ADDR": address}
    )


def change_session(app: Flask, person: Person, **values: object) -> None:
    with app.app_context():
        db.session.execute(
            sa.update(UserSession).where(UserSession.user_id == person.user_id).values(**values)
        )
        db.session.commit()


def test_it_lets_a_member_in_and_leads_to_the_start(client: HouseClient, member: Member) -> None:
    answer = try_to_sign_in(client, member("support").email)
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/account").status_code == 200


def test_the_address_is_found_in_any_case(client: HouseClient, member: Member) -> None:
    assert try_to_sign_in(client, f" {member().email.upper()} ").status_code == 303


def test_unknown_and_known_addresses_get_the_same_words(client: HouseClient, member: Member) -> None:
    known, unknown = member().email, "nobody-knows-me@example.com"
    pages = {}
    for email in (known, unknown):
        answer = try_to_sign_in(client, email, "wrong wrong wrong")
        assert answer.status_code == 422
        pages[email] = without_tokens(answer.text.replace(email, "…"))
    assert pages[known] == pages[unknown]
    assert "The address or the password is wrong." in pages[known]


def test_unknown_and_known_addresses_take_the_same_time(
    client: HouseClient, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "TEST_ANSWER_SECONDS", 0.1)

    def seconds(email: str) -> float:
        before = time.perf_counter()
        try_to_sign_in(client, email, "wrong wrong wrong")
        return time.perf_counter() - before

    def gap() -> float:
        """The median gap of some pairs, tried in turns so that a busy machine slows both."""
        known = member().email
        seconds(known)
        pairs = [(seconds(known), seconds(f"unknown{number}@example.com")) for number in range(7)]
        return abs(statistics.median(a for a, _ in pairs) - statistics.median(b for _, b in pairs))

    # A neighbour of the test may take the processor from one side of one round, never of ten in a row.
    gaps = []
    while len(gaps) < 10 and (not gaps or gaps[-1] > 0.005):
        gaps.append(gap())
    assert gaps[-1] <= 0.005, f"gaps of {[round(each * 1000, 1) for each in gaps]} ms tell who has an account"


def test_an_unknown_address_costs_a_verification_too(
    client: HouseClient, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = argon2.PasswordHasher.verify

    def count(hasher: argon2.PasswordHasher, kept: str, password: str) -> bool:
        verified.append(kept)
        return bool(verify(hasher, kept, password))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", count)
    for email in (member().email, "nobody-verifies-me@example.com"):
        try_to_sign_in(client, email, "wrong wrong wrong")
    costs = {kept.rsplit("$", 2)[0] for kept in verified}
    assert (len(verified), len(costs)) == (2, 1)


def test_a_closed_account_answers_like_a_wrong_password(
    app: Flask, client: HouseClient, member: Member
) -> None:
    person = member()
    with app.app_context():
        db.session.execute(sa.update(User).where(User.id == person.user_id).values(state="deactivated"))
        db.session.commit()
    answer = try_to_sign_in(client, person.email)
    assert answer.status_code == 422
    assert "The address or the password is wrong." in answer.text


def test_ten_wrong_tries_close_the_account_for_a_while_from_any_address(
    client: HouseClient, member: Member
) -> None:
    email = member().email
    for number in range(10):
        assert try_to_sign_in(client, email, "wrong wrong wrong", f"198.51.100.{number}").status_code == 422
    answer = try_to_sign_in(client, email, PASSWORD, "203.0.113.9")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 15 * 60 + 1
    assert "Too many tries" in answer.text


def test_a_forged_forwarding_header_gives_no_new_address(
    client: HouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "TRIES_PER_ADDRESS", 3)
    answers = [
        client.post(
            "/sign-in",
            data={"email": f"nobody{number}@example.com", "password": "wrong wrong"},
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
            environ_base={"REMOTE_ADDR": "192.0.2.200"},
        ).status_code
        for number in range(4)
    ]
    assert answers == [422, 422, 422, 429]


def test_fifty_tries_at_once_take_no_more_than_ten_places(app: Flask) -> None:
    admitted: list[bool] = []

    def attempt() -> None:
        with app.app_context():
            admitted.append(
                throttle.admit(
                    "test", "the same account", limit=10, window=dt.timedelta(minutes=15)
                ).is_allowed
            )

    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            pool.submit(attempt)
    assert (len(admitted), sum(admitted)) == (50, 10)


def test_a_place_is_free_again_when_its_time_is_over(app: Flask, time_machine: Any) -> None:
    def admit() -> bool:
        return throttle.admit("test", "slides", limit=2, window=dt.timedelta(minutes=15)).is_allowed

    start = utc_now()
    with app.app_context():
        for minutes, expected in ((0, True), (10, True), (14, False), (16, True), (17, False)):
            time_machine.move_to(start + dt.timedelta(minutes=minutes), tick=False)
            assert admit() is expected, f"after {minutes} minutes"


def test_right_passwords_use_nothing_up(client: HouseClient, member: Member) -> None:
    email = member().email
    assert [try_to_sign_in(client, email, address="192.0.2.77").status_code for _ in range(12)] == [303] * 12


def test_an_unknown_account_is_throttled_like_a_known_one(client: HouseClient) -> None:
    answers = [
        try_to_sign_in(client, "ghost@example.com", "wrong wrong", f"198.51.100.{n}").status_code
        for n in range(11)
    ]
    assert answers == [422] * 10 + [429]


def test_signing_in_gives_a_new_session_and_a_new_form_token(client: HouseClient, member: Member) -> None:
    client.get("/sign-in")
    with client.session_transaction() as cookie:
        cookie["csrf_token"], cookie["planted"] = "known to an attacker", "yes"
    try_to_sign_in(client, member().email)
    with client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert cookie.get("csrf_token") != "known to an attacker"
        first = cookie["token"]
    try_to_sign_in(client, member().email)
    with client.session_transaction() as cookie:
        assert cookie["token"] != first


def test_signing_out_ends_the_session_on_the_server(app: Flask, login: Login, member: Member) -> None:
    client = login(member())
    with client.session_transaction() as cookie:
        stolen = dict(cookie)
    assert client.post("/sign-out").status_code == 303
    thief = app.test_client()
    with thief.session_transaction() as cookie:
        cookie.update(stolen)
    assert thief.get("/account").status_code == 303


@pytest.mark.parametrize(
    "values",
    [
        {"last_seen_at": utc_now() - dt.timedelta(minutes=31)},
        {"expires_at": utc_now() - dt.timedelta(seconds=1)},
        {"revoked_at": utc_now()},
    ],
    ids=["idle for half an hour", "twelve hours old", "revoked"],
)
def test_a_session_that_ended_is_refused(
    app: Flask, login: Login, member: Member, values: dict[str, object]
) -> None:
    person = member()
    client = login(person)
    assert client.get("/account").status_code == 200
    change_session(app, person, **values)
    answer = client.get("/account?x=1")
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/account?x%3D1")


def test_work_keeps_the_session_alive(app: Flask, login: Login, member: Member) -> None:
    person = member()
    client = login(person)
    change_session(app, person, last_seen_at=utc_now() - dt.timedelta(minutes=29))
    client.get("/users")
    with app.app_context():
        seen = db.session.scalar(
            sa.select(UserSession.last_seen_at).where(UserSession.user_id == person.user_id)
        )
    assert utc_now() - seen < dt.timedelta(minutes=1)


def test_a_deactivated_user_is_out_at_the_next_request(app: Flask, login: Login, member: Member) -> None:
    person = member()
    client = login(person)
    with app.app_context():
        db.session.execute(sa.update(User).where(User.id == person.user_id).values(state="deactivated"))
        db.session.commit()
    assert client.get("/users").status_code == 303


def test_a_former_member_sees_nothing_of_the_shop(app: Flask, login: Login, member: Member) -> None:
    person = member()
    client = login(person)
    with app.app_context(), merchant_scope(person.merchant_id):
        db.session.execute(
            sa.update(Membership)
            .where(Membership.merchant_id == person.merchant_id, Membership.user_id == person.user_id)
            .values(state="deactivated")
        )
        db.session.commit()
    assert client.get("/users").status_code == 403
    assert "You work for no merchant yet" in client.get("/account/merchants").text


def test_htmx_is_sent_to_sign_in_and_back_to_the_page_in_view(client: HouseClient) -> None:
    answer = client.get(
        "/users", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/users?q=a"}
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/users?q%3Da"
    assert answer.text == ""


def test_signing_in_leads_back(client: HouseClient, member: Member) -> None:
    answer = client.post("/sign-in?next=/users", data={"email": member().email, "password": PASSWORD})
    assert answer.location == "/users"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "evil",
    ],
)
def test_signing_in_never_leads_to_another_site(client: HouseClient, member: Member, target: str) -> None:
    answer = client.post(
        "/sign-in", query_string={"next": target}, data={"email": member().email, "password": PASSWORD}
    )
    assert answer.location == "/"


def test_a_person_of_two_shops_switches_and_sees_only_the_chosen_one(
    app: Flask, login: Login, member: Member
) -> None:
    person = member("owner")
    other = make_merchant(app, name="The other shop")
    with app.app_context(), merchant_scope(other):
        add_member(person.user_id, role_by_key("read-only").id, by=SYSTEM)
        db.session.commit()
    client = login(person)
    assert client.get("/users").status_code == 200
    assert "The other shop" in client.get("/account/merchants").text
    assert client.post(f"/account/merchants/{other}/selection").status_code == 303
    assert client.get("/users").status_code == 403
    assert client.get("/account/merchants").text.count("You work for it now") == 1


def test_a_shop_one_does_not_work_for_cannot_be_entered(app: Flask, login: Login, member: Member) -> None:
    stranger = make_merchant(app)
    client = login(member())
    missing = client.post("/account/merchants/999999999/selection")
    foreign = client.post(f"/account/merchants/{stranger}/selection")
    assert (foreign.status_code, missing.status_code) == (404, 404)


def test_a_forged_merchant_in_the_cookie_opens_nothing(app: Flask, login: Login, member: Member) -> None:
    stranger = make_merchant(app, name="Someone else's shop")
    person = member()
    client = login(person)
    with client.session_transaction() as cookie:
        cookie["merchant"] = stranger
    page = client.get("/settings/merchant")
    assert "Someone else" not in page.text
    with client.session_transaction() as cookie:
        assert cookie["merchant"] == person.merchant_id
