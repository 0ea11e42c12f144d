"""The person's own account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.accounts.models import PasswordReset, User, UserSession
from portal.accounts.services import create_user
from portal.core.clock import utc_now
from portal.core.database import db
from tests.accounts.links import letters_about, link_in, without_tokens
from tests.support.client import HouseClient
from tests.support.people import PASSWORD, Person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
NEW = "four green tractors by the sea"


def test_the_profile_is_shown_and_saved(login: Login, member: Member) -> None:
    client = login(member())
    answer = client.post(
        "/account", data={"name": "  Ada   Lovelace ", "locale": "de_DE", "time_zone": "Europe/Berlin"}
    )
    assert answer.status_code == 303
    page = client.get("/account").text
    assert 'value="Ada Lovelace"' in page
    assert 'lang="de-DE"' in page


@pytest.mark.parametrize(
    "values", [{"name": ""}, {"name": "x" * 201}, {"name": "A", "time_zone": "Mars/Base"}]
)
def test_a_bad_profile_comes_back_with_what_was_typed(
    login: Login, member: Member, values: dict[str, str]
) -> None:
    answer = login(member()).post("/account", data=values)
    assert answer.status_code == 422
    assert "correction" in answer.text


def test_a_new_password_signs_every_other_browser_out(app: Flask, login: Login, member: Member) -> None:
    person = member()
    here, elsewhere = login(person), login(person)
    answer = here.post("/account/password", data={"current": PASSWORD, "password": NEW, "again": NEW})
    assert answer.status_code == 303
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303
    fresh = app.test_client()
    assert fresh.post("/sign-in", data={"email": person.email, "password": PASSWORD}).status_code == 422
    assert fresh.post("/sign-in", data={"email": person.email, "password": NEW}).status_code == 303


@pytest.mark.parametrize(
    ("current", "password", "again", "words"),
    [
        ("not my password", NEW, NEW, "not your current password"),
        (PASSWORD, "short", "short", "12 characters"),
        (PASSWORD, NEW, NEW + "!", "not the same"),
        (PASSWORD, "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "easy to guess"),
        (PASSWORD, "password1234", "password1234", "tried first"),
    ],
)
def test_a_bad_new_password_is_refused(
    login: Login, member: Member, current: str, password: str, again: str, words: str
) -> None:
    answer = login(member()).post(
        "/account/password", data={"current": current, "password": password, "again": again}
    )
    assert answer.status_code == 422
    assert words in answer.text
    assert NEW not in answer.text


def test_guessing_the_current_password_is_throttled(login: Login, member: Member) -> None:
    client = login(member())
    wrong = {"current": "wrong wrong wrong", "password": NEW, "again": NEW}
    assert [client.post("/account/password", data=wrong).status_code for _ in range(11)] == [422] * 10 + [429]


def test_sessions_are_listed_and_one_is_ended_at_once(app: Flask, login: Login, member: Member) -> None:
    person = member()
    here, elsewhere = login(person), login(person)
    assert here.get("/account/sessions").text.count('id="session-') == 2
    with app.app_context():
        ids = db.session.scalars(
            sa.select(UserSession.id).where(UserSession.user_id == person.user_id).order_by(UserSession.id)
        ).all()
    assert here.post(f"/account/sessions/{ids[1]}/revocation").status_code == 303
    assert elsewhere.get("/account").status_code == 303
    assert here.post(f"/account/sessions/{ids[1]}/revocation").status_code == 404


def test_nobody_ends_someone_elses_session(app: Flask, login: Login, member: Member) -> None:
    victim = member()
    theirs = login(victim)
    with app.app_context():
        session_id = db.session.scalar(sa.select(UserSession.id).where(UserSession.user_id == victim.user_id))
    assert login(member()).post(f"/account/sessions/{session_id}/revocation").status_code == 404
    assert theirs.get("/account").status_code == 200


def test_all_other_sessions_end_together(login: Login, member: Member) -> None:
    person = member()
    here, first, second = login(person), login(person), login(person)
    here.post("/account/other-sessions/revocation")
    assert [each.get("/account").status_code for each in (here, first, second)] == [200, 303, 303]


def test_theme_and_density_are_remembered(login: Login, member: Member) -> None:
    client = login(member())
    answer = client.post("/account/preferences", data={"theme": "dark", "density": "compact"})
    assert answer.status_code == 303
    page = client.get("/account").text
    assert 'data-bs-theme="dark"' in page
    assert 'data-density="compact"' in page


def test_a_forgotten_password_is_set_through_the_mailed_link_once(
    app: Flask, client: HouseClient, login: Login, member: Member
) -> None:
    person = member()
    signed_in = login(person)
    assert client.post("/forgotten-password", data={"email": person.email.upper()}).status_code == 200
    [letter] = letters_about(app, "user", person.user_id)
    link = link_in(letter)
    assert client.get(link).status_code == 200
    assert client.post(link, data={"password": "short", "again": "short"}).status_code == 422
    assert client.post(link, data={"password": NEW, "again": NEW}).status_code == 303
    assert signed_in.get("/account").status_code == 303
    assert client.get(link).status_code == 404
    assert client.post(link, data={"password": NEW, "again": NEW}).status_code == 404
    assert client.post("/sign-in", data={"email": person.email, "password": NEW}).status_code == 303


def test_an_unknown_address_gets_the_same_page_and_no_mail(client: HouseClient, member: Member) -> None:
    known = client.post("/forgotten-password", data={"email": member().email})
    unknown = client.post("/forgotten-password", data={"email": "nobody-at-all@example.com"})
    assert (known.status_code, without_tokens(known.text)) == (
        unknown.status_code,
        without_tokens(unknown.text),
    )


def test_a_newer_link_replaces_the_older_and_an_hour_ends_it(
    app: Flask, client: HouseClient, member: Member
) -> None:
    person = member()
    for _ in range(2):
        client.post("/forgotten-password", data={"email": person.email})
    older, newer = (link_in(letter) for letter in letters_about(app, "user", person.user_id))
    assert client.get(older).status_code == 404
    assert client.get(newer).status_code == 200
    with app.app_context():
        db.session.execute(
            sa.update(PasswordReset)
            .where(PasswordReset.user_id == person.user_id)
            .values(expires_at=utc_now() - dt.timedelta(seconds=1))
        )
        db.session.commit()
    assert client.get(newer).status_code == 404


def test_only_the_hash_of_a_link_is_kept(app: Flask, client: HouseClient, member: Member) -> None:
    person = member()
    client.post("/forgotten-password", data={"email": person.email})
    token = link_in(letters_about(app, "user", person.user_id)[0]).rpartition("/")[2]
    with app.app_context():
        kept = db.session.scalar(
            sa.select(PasswordReset.token_hash).where(PasswordReset.user_id == person.user_id)
        )
    assert token.encode() not in kept


def test_the_link_leads_to_us_whatever_host_the_request_named(
    app: Flask, client: HouseClient, member: Member
) -> None:
    person = member()
    client.post("/forgotten-password", data={"email": person.email}, headers={"Host": "evil.example"})
    [letter] = letters_about(app, "user", person.user_id)
    assert app.config["SETTINGS"].public_url + "/reset-password/" in letter
    assert "evil.example" not in letter


def test_mails_with_links_are_few(client: HouseClient, member: Member) -> None:
    email = member().email
    answers = [client.post("/forgotten-password", data={"email": email}).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


class TestTypingThePasswordAgain:
    """Before what cannot be undone."""

    @pytest.fixture
    def owner(self, app: Flask, member: Member) -> Person:
        return member("owner")

    @pytest.fixture
    def stale(self, app: Flask, login: Login, owner: Person) -> HouseClient:
        client = login(owner)
        with app.app_context():
            db.session.execute(
                sa.update(UserSession)
                .where(UserSession.user_id == owner.user_id)
                .values(confirmed_at=utc_now() - dt.timedelta(minutes=6))
            )
            db.session.commit()
        return client

    def test_a_page_asks_first_and_leads_back(self, stale: HouseClient) -> None:
        answer = stale.get("/users/invitations/new")
        assert answer.status_code == 303
        assert stale.get(answer.location).status_code == 200
        assert (
            stale.post(answer.location, data={"confirm_password": PASSWORD}).location
            == "/users/invitations/new"
        )
        assert stale.get("/users/invitations/new").status_code == 200

    def test_a_filled_form_is_kept_and_sent_on(self, app: Flask, stale: HouseClient, member: Member) -> None:
        colleague = member("support")
        asked = stale.post(f"/users/{colleague.user_id}/deactivation", data={"note": 'a "note"'})
        assert asked.status_code == 403
        assert '<input type="hidden" name="note" value="a &#34;note&#34;">' in asked.text
        wrong = stale.post(
            f"/users/{colleague.user_id}/deactivation", data={"note": "a", "confirm_password": "wrong wrong"}
        )
        assert wrong.status_code == 403
        assert "not your password" in wrong.text
        done = stale.post(
            f"/users/{colleague.user_id}/deactivation", data={"note": "a", "confirm_password": PASSWORD}
        )
        assert done.status_code == 303

    def test_a_form_sent_again_after_the_question_makes_one(self, stale: HouseClient) -> None:
        form = {"name": "Packers", "permissions": "stock.view", "form_token": "one"}
        asked = stale.post("/roles/new", data=form)
        assert asked.status_code == 403
        assert asked.text.count('name="form_token" value="one"') == 1
        made = stale.post("/roles/new", data=form | {"confirm_password": PASSWORD})
        assert made.status_code == 303
        assert stale.post("/roles/new", data=form).location == made.location

    def test_htmx_is_led_to_the_question(self, stale: HouseClient, member: Member) -> None:
        answer = stale.post(
            f"/users/{member('support').user_id}/deactivation",
            headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/users"},
        )
        assert answer.headers["HX-Redirect"] == "/account/confirmation?next=/users"

    def test_a_wrong_password_is_counted(self, stale: HouseClient) -> None:
        answers = [
            stale.post("/account/confirmation", data={"confirm_password": "wrong"}).status_code
            for _ in range(11)
        ]
        assert answers == [422] * 10 + [429]


def test_an_operator_without_a_shop_sees_the_platform_and_no_shop(app: Flask, client: HouseClient) -> None:
    with app.app_context():
        user = create_user(
            email="operator-of-all@example.com", name="Op", password=PASSWORD, is_operator=True
        )
        assert isinstance(user, User)
        db.session.commit()
    answer = client.post("/sign-in", data={"email": "operator-of-all@example.com", "password": PASSWORD})
    assert client.get(answer.location).location == "/operations/platform"
    page = client.get("/operations/platform")
    assert page.status_code == 200
    assert "Timetable" in page.text and "Merchants" in page.text
    assert client.get("/account/merchants").status_code == 200
    assert client.get("/users").status_code == 403
