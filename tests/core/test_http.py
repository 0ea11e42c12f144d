"""Answers: pages and fragments, headers, messages, problems, and another try after a deadlock."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask, abort, session
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError

from portal.accounts.access import public_route, requires
from portal.app import create_app
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.headers import csp_nonce
from portal.core.http import cacheable, path_or, render, see_other, toast
from tests.support.client import HouseClient
from tests.support.people import Person, sign_in

HTMX = {"HX-Request": "true"}
Plant = Callable[..., HouseClient]


@pytest.fixture
def other(app: Flask) -> Iterator[Flask]:
    """An application of its own, to which views can be added."""
    made = create_app(app.config["SETTINGS"])
    made.config.update(WTF_CSRF_ENABLED=False)
    made.test_client_class = HouseClient
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def plant(other: Flask) -> Plant:
    """Serve a function at /planted, to everybody."""

    def serve(view: Callable[[], ResponseReturnValue], path: str = "/planted") -> HouseClient:
        def planted() -> ResponseReturnValue:
            return view()

        other.add_url_rule(path, path, public_route("a test")(planted), methods=["GET", "POST"])
        client = other.test_client()
        assert isinstance(client, HouseClient)
        return client

    return serve


def fail(error: Exception) -> Callable[[], ResponseReturnValue]:
    def view() -> ResponseReturnValue:
        raise error

    return view


def deadlock() -> OperationalError:
    class Deadlock(psycopg.errors.DeadlockDetected):
        sqlstate = "40P01"

    return OperationalError("UPDATE x", {}, Deadlock("deadlock detected"))


class TestPagesAndFragments:
    def test_the_same_view_sends_a_page_and_its_content(self, plant: Plant, other: Flask) -> None:
        def show() -> ResponseReturnValue:
            return render("accounts/forgotten_password.html", form=None, is_sent=True)

        client = plant(show)
        page, part = client.get("/planted"), client.get("/planted", headers=HTMX)
        assert page.text.startswith("<!doctype html>") or "<html" in page.text
        assert "<html" not in part.text
        assert "a link to choose a new password is on its way" in part.text
        assert "HX-Request" in page.headers["Vary"] and "HX-Request" in part.headers["Vary"]

    @pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
    def test_boosted_links_and_history_get_the_page(self, plant: Plant, header: str) -> None:
        client = plant(lambda: render("accounts/forgotten_password.html", form=None, is_sent=True))
        assert "<html" in client.get("/planted", headers=HTMX | {header: "true"}).text

    def test_a_block_sees_what_its_file_imports(self, plant: Plant, login: Any, member: Any) -> None:
        part = login(member("owner")).get("/account", headers=HTMX)
        assert part.status_code == 200
        assert 'name="time_zone"' in part.text
        assert "<html" not in part.text

    def test_a_redirect_is_followed_by_the_browser_not_by_htmx(self, plant: Plant) -> None:
        client = plant(lambda: see_other("/there"))
        assert client.post("/planted").status_code == 303
        answer = client.post("/planted", headers=HTMX)
        assert (answer.status_code, answer.headers["HX-Redirect"], answer.text) == (204, "/there", "")

    @pytest.mark.parametrize(
        ("target", "safe"),
        [
            ("/orders?a=b", "/orders?a=b"),
            ("//evil", "/"),
            ("http://evil/", "/"),
            ("/\\evil", "/"),
            ("", "/"),
            (None, "/"),
            ("/a\nb", "/"),
            ("javascript:x", "/"),
            ("/ok/\\x", "/"),
        ],
    )
    def test_only_paths_of_ours_are_led_to(self, target: str | None, safe: str) -> None:
        assert path_or(target, "/") == safe


class TestMessages:
    def test_htmx_shows_it_at_once(self, plant: Plant) -> None:
        def say() -> ResponseReturnValue:
            toast("Saved – ærø", "success")
            return "ok"

        answer = plant(say).get("/planted", headers=HTMX)
        said = json.loads(answer.headers["HX-Trigger"])
        assert said == {"toast": {"text": "Saved – ærø", "tone": "success", "url": None, "link": None}}
        assert answer.headers["HX-Trigger"].isascii()

    def test_it_waits_for_the_page_an_answer_leads_to(self, plant: Plant) -> None:
        def say() -> ResponseReturnValue:
            toast("Moved on", "info")
            return see_other("/sign-in")

        client = plant(say)
        assert "HX-Trigger" not in client.post("/planted", headers=HTMX).headers
        assert "Moved on" in client.get("/sign-in").text
        assert "Moved on" not in client.get("/sign-in").text

    def test_it_joins_an_event_of_the_view(self, plant: Plant) -> None:
        def say() -> ResponseReturnValue:
            toast("Saved")
            return "ok", 200, {"HX-Trigger": "stock-changed"}

        assert set(json.loads(plant(say).get("/planted", headers=HTMX).headers["HX-Trigger"])) == {
            "stock-changed",
            "toast",
        }


class TestHeaders:
    def test_every_answer_carries_them(self, client: HouseClient) -> None:
        for path in ("/sign-in", "/nothing", "/users"):
            headers = client.get(path).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Referrer-Policy"] == "same-origin"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "Strict-Transport-Security" not in headers

    def test_the_policy_is_strict(self, client: HouseClient) -> None:
        policy = client.get("/sign-in").headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        for word in (
            "default-src 'self'",
            "style-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ):
            assert word in policy

    def test_a_nonce_is_named_only_when_a_page_asked_for_it(self, plant: Plant) -> None:
        nonces: list[str] = []

        def show() -> ResponseReturnValue:
            nonces.append(csp_nonce())
            return nonces[-1]

        client = plant(show)
        first, second = client.get("/planted"), client.get("/planted")
        assert f"'nonce-{nonces[0]}'" in first.headers["Content-Security-Policy"]
        assert nonces[0] != nonces[1]
        assert f"'nonce-{nonces[1]}'" in second.headers["Content-Security-Policy"]
        assert "nonce-" not in client.post("/sign-out").headers["Content-Security-Policy"]

    def test_https_adds_transport_security_and_the_host_prefix(self, app: Flask) -> None:
        settings = dataclasses.replace(
            app.config["SETTINGS"], public_url="https://portal.example.com", htmx_cdn=True
        )
        secure = create_app(settings)
        assert secure.config["SESSION_COOKIE_NAME"] == "__Host-portal"
        assert secure.config["SESSION_COOKIE_SECURE"] and secure.config["SESSION_COOKIE_HTTPONLY"]
        answer = secure.test_client().get("/sign-in", base_url="https://portal.example.com")
        assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]
        assert "https://cdn.jsdelivr.net" in answer.headers["Content-Security-Policy"]
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-portal=")
        assert "; Secure; HttpOnly; Path=/; SameSite=Lax" in cookie
        with secure.app_context():
            db.engine.dispose()

    def test_a_decent_number_of_the_proxy_is_kept(self, client: HouseClient) -> None:
        assert (
            client.get("/sign-in", headers={"X-Request-ID": "abc-12345"}).headers["X-Request-ID"]
            == "abc-12345"
        )
        assert (
            client.get("/sign-in", headers={"X-Request-ID": "<script>"}).headers["X-Request-ID"] != "<script>"
        )

    def test_a_view_can_let_the_own_browser_keep_a_picture(self, plant: Plant, other: Flask) -> None:
        client = plant(lambda: cacheable(other.response_class(b"png", mimetype="image/png"), 60))
        assert client.get("/planted").headers["Cache-Control"] == "private, max-age=60"


class TestProblems:
    @pytest.mark.parametrize(
        ("error", "status", "words"),
        [
            (DomainError("The price needs a currency."), 422, "The price needs a currency."),
            (ConflictError("Someone was first."), 409, "Someone was first."),
            (NotFoundError("x"), 404, "nothing at this address"),
        ],
    )
    def test_a_broken_rule_is_said_in_words(
        self, plant: Plant, error: Exception, status: int, words: str
    ) -> None:
        client = plant(fail(error))
        page = client.get("/planted")
        assert page.status_code == status
        assert words in page.text
        part = client.get("/planted", headers=HTMX)
        assert part.status_code == status
        assert part.headers["HX-Reswap"] == "none"
        assert words in json.loads(part.headers["HX-Trigger"])["toast"]["text"]

    @pytest.mark.parametrize(
        ("came_from", "back"),
        [
            ("http://localhost/planted?list=abc", "/planted?list=abc"),
            ("http://localhost/operations/ring/nowhere", None),
            ("http://localhost/orders/bulk/start", None),
            ("http://elsewhere.example/planted", None),
            ("http://localhost//evil.example", None),
            ("http://[", None),
            ("", None),
        ],
    )
    def test_a_refused_form_leads_back_to_where_it_stood(
        self, plant: Plant, came_from: str, back: str | None
    ) -> None:
        client = plant(fail(DomainError("Select at least one first.")))
        refused = client.post("/planted", headers={"Referer": came_from})
        page = refused.text
        assert refused.status_code == 422
        assert ("data-back" in page) == (back is not None) and (back is None or f'href="{back}"' in page)
        assert "data-back" not in client.get("/planted", headers={"Referer": came_from}).text

    @pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 415, 429, 503])
    def test_every_refusal_has_a_page_and_problem_details(self, plant: Plant, status: int) -> None:
        def refuse() -> ResponseReturnValue:
            if status == 405:
                from werkzeug.exceptions import MethodNotAllowed

                raise MethodNotAllowed(valid_methods=["GET"])
            abort(503) if status == 503 else abort(status)

        client = plant(refuse)
        assert client.get("/planted").status_code == status
        answer = client.get("/planted", headers={"Accept": "application/json"})
        assert answer.content_type == "application/problem+json"
        assert answer.json is not None
        assert answer.json["status"] == status
        assert {"type", "title", "status", "detail", "request_id"} == set(answer.json)

    def test_an_own_description_is_shown(self, plant: Plant) -> None:
        def refuse() -> ResponseReturnValue:
            abort(403, "Only on Sundays.")

        assert "Only on Sundays." in plant(refuse).get("/planted").text

    def test_a_fault_of_ours_asks_the_database_nothing(
        self, other: Flask, member: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        @requires()
        def broken() -> str:
            def refuse(*_: object, **__: object) -> None:
                raise AssertionError("the page of a fault asked the database")

            monkeypatch.setattr(db.session, "execute", refuse)
            monkeypatch.setattr(db.session, "scalars", refuse)
            raise RuntimeError("secret detail")

        other.add_url_rule("/planted", "planted", broken)
        client = other.test_client()
        assert isinstance(client, HouseClient)
        sign_in(other, client, member("owner"))
        answer = client.get("/planted")
        assert answer.status_code == 500
        assert "secret detail" not in answer.text
        assert answer.headers["X-Request-ID"] in answer.text

    def test_too_large_a_form_is_said_so(self, other: Flask) -> None:
        other.config["MAX_CONTENT_LENGTH"] = 10
        assert other.test_client().post("/sign-in", data={"email": "x" * 100}).status_code == 413


class TestAnotherTry:
    def test_a_deadlock_is_tried_again_from_a_clean_cookie(self, plant: Plant) -> None:
        tries: list[bool] = []

        def view() -> ResponseReturnValue:
            tries.append("half" in session)
            session["half"] = "done"
            toast("Once")
            if len(tries) < 3:
                raise deadlock()
            return "ok"

        answer = plant(view).post("/planted", headers=HTMX)
        assert (answer.status_code, tries) == (200, [False, False, False])
        assert json.loads(answer.headers["HX-Trigger"])["toast"]["text"] == "Once"

    def test_after_three_tries_the_person_is_told(self, plant: Plant) -> None:
        tries: list[int] = []

        def view() -> ResponseReturnValue:
            tries.append(1)
            raise deadlock()

        assert plant(view).post("/planted").status_code == 503
        assert len(tries) == 3

    def test_what_was_committed_is_not_done_twice(self, plant: Plant) -> None:
        tries: list[int] = []

        def view() -> ResponseReturnValue:
            tries.append(1)
            db.session.connection()
            db.session.commit()
            raise deadlock()

        assert plant(view).post("/planted").status_code == 503
        assert len(tries) == 1

    def test_other_faults_are_not_tried_again(self, plant: Plant) -> None:
        tries: list[int] = []

        def view() -> ResponseReturnValue:
            tries.append(1)
            raise RuntimeError("no")

        assert plant(view).post("/planted").status_code == 500
        assert len(tries) == 1
