"""The page of the mail server: saved, tested, then switched on; the password as its last four."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.core.mail import accounts, transport
from tests.support.client import HouseClient
from tests.support.people import Person

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]

FORM = {
    "version": "0",
    "host": "smtp.example.com",
    "port": "587",
    "security": "starttls",
    "username": "shop",
    "password": "correct-horse-1234",
    "sender": "shop@example.com",
    "sender_name": "The Shop",
}


def test_settings_are_saved_tested_and_switched_on(
    member: Member, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = login(member("owner"))
    assert client.get("/operations/mail-account").status_code == 200
    assert client.post("/operations/mail-account", data=FORM).status_code == 303
    page = client.get("/operations/mail-account").text
    assert "••••1234" in page and "correct-horse" not in page and "Switch on" not in page
    client.post("/operations/mail-account/activation")
    assert "Switch off" not in client.get("/operations/mail-account").text
    monkeypatch.setattr(accounts, "try_out", lambda server: None)
    client.post("/operations/mail-account/test")
    client.post("/operations/mail-account/activation")
    assert "mail goes through this server" in client.get("/operations/mail-account").text
    client.post("/operations/mail-account/deactivation")
    assert "portal&#39;s own server" in client.get("/operations/mail-account").text.replace("'", "&#39;")


def test_a_server_that_refuses_says_why(
    member: Member, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(server: transport.Server) -> None:
        raise transport.MailError("The mail server could not be reached.", is_temporary=True)

    client = login(member("owner"))
    client.post("/operations/mail-account", data=FORM)
    monkeypatch.setattr(accounts, "try_out", refuse)
    client.post("/operations/mail-account/test")
    page = client.get("/operations/mail-account").text
    assert "The mail server could not be reached." in page and "Switch on" not in page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("host", "", "Give the name"),
        ("host", "a b", "letters, digits"),
        ("port", "70000", "65535"),
        ("port", "x", "port"),
        ("sender", "nobody", "not an e-mail address"),
        ("security", "none", "must be encrypted"),
    ],
)
def test_it_refuses_bad_settings(member: Member, login: Login, field: str, value: str, words: str) -> None:
    answer = login(member("owner")).post("/operations/mail-account", data=FORM | {field: value})
    assert answer.status_code == 422 and words in answer.text


def test_a_stale_save_shows_both(member: Member, login: Login) -> None:
    client = login(member("owner"))
    client.post("/operations/mail-account", data=FORM)
    stale = client.post("/operations/mail-account", data=FORM | {"host": "smtp.example.org"})
    assert stale.status_code == 409
    assert "smtp.example.com" in stale.text and "smtp.example.org" in stale.text


def test_only_those_who_may_change_settings(member: Member, login: Login, client: HouseClient) -> None:
    support = login(member("support"))
    assert support.get("/operations/mail-account").status_code == 403
    for act in ("", "/test", "/activation", "/deactivation", "/trial"):
        assert support.post(f"/operations/mail-account{act}", data=FORM).status_code == 403
    assert client.get("/operations/mail-account").status_code in {302, 303}


def test_a_trial_message_goes_to_the_person_at_the_screen(member: Member, login: Login) -> None:
    answer = login(member("owner")).post("/operations/mail-account/trial")
    assert answer.status_code == 303 and "/operations/messages/" in answer.location
