"""The pages of mail: what went out, to whom (masked), what failed, sending again; the mailbox of the demo."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from flask import Flask

from portal.core import keyring, mail
from portal.core.database import db, merchant_scope
from portal.core.jobs import run_due_jobs
from portal.core.subjects import DataSubject
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


@pytest.fixture
def write(app: Flask, merchant: int) -> Callable[..., tuple[int, int | None]]:
    """Write a message, to a customer unless told otherwise; gives its id and the person's."""

    def written(*, to_staff: bool = False) -> tuple[int, int | None]:
        with app.app_context(), merchant_scope(merchant):
            person = None
            if not to_staff:
                person = DataSubject()
                db.session.add(person)
                db.session.flush()
            message = mail.send_mail(
                "mail_test",
                to="jane.roe@example.com",
                context={"shop": "Example & Sons"},
                subject_id=person.id if person else None,
                about=("order", 5),
            )
            db.session.commit()
            found = message.id, person.id if person else None
            run_due_jobs()
            return found

    return written


def test_the_list_shows_the_state_and_masks_the_address(
    write: Callable[..., tuple[int, int | None]], member: Member, login: Login
) -> None:
    write()
    page = login(member("support")).get("/operations/messages")
    assert page.status_code == 200 and "Mail test" in page.text and "Sent" in page.text
    assert "jane" not in page.text and "j•••@e•••.com" in page.text


def test_a_role_that_serves_customers_reads_the_letter(
    write: Callable[..., tuple[int, int | None]], member: Member, login: Login
) -> None:
    message_id, _ = write()
    page = login(member("support")).get(f"/operations/messages/{message_id}").text
    assert "jane.roe@example.com" in page and "Example &amp; Sons can send mail" in page
    hidden = login(member("warehouse")).get(f"/operations/messages/{message_id}").text
    assert "jane" not in hidden and "Your role does not read mail to customers" in hidden


def test_mail_to_staff_is_read_by_nobody(
    write: Callable[..., tuple[int, int | None]], member: Member, login: Login
) -> None:
    message_id, _ = write(to_staff=True)
    page = login(member("owner")).get(f"/operations/messages/{message_id}").text
    assert "can send mail through" not in page and "its text is shown to nobody" in page


def test_the_letter_of_an_erased_person_is_gone(
    app: Flask, merchant: int, write: Callable[..., tuple[int, int | None]], member: Member, login: Login
) -> None:
    message_id, subject_id = write()
    with app.app_context(), merchant_scope(merchant):
        keyring.destroy_person_key(subject_id or 0)
    assert "The text is gone" in login(member("support")).get(f"/operations/messages/{message_id}").text


def test_a_message_is_sent_again_by_those_who_may(
    write: Callable[..., tuple[int, int | None]], member: Member, login: Login
) -> None:
    message_id, _ = write()
    answer = login(member("owner")).post(f"/operations/messages/{message_id}/resending")
    assert answer.status_code == 303 and not answer.location.endswith(str(message_id))
    assert login(member("support")).post(f"/operations/messages/{message_id}/resending").status_code == 403


def test_a_stranger_finds_no_message(
    app: Flask, write: Callable[..., tuple[int, int | None]], login: Login, client: HouseClient
) -> None:
    message_id, _ = write()
    stranger = login(make_person(app, make_merchant(app), "owner"))
    assert stranger.get(f"/operations/messages/{message_id}").status_code == 404
    assert stranger.post(f"/operations/messages/{message_id}/resending").status_code == 404
    assert client.get("/operations/messages").status_code in {302, 303}


def test_the_mailbox_of_the_demo_shows_letters_to_everybody(
    write: Callable[..., tuple[int, int | None]], client: HouseClient
) -> None:
    write()
    page = client.get("/operations/mailbox")
    assert (
        page.status_code == 200
        and "jane.roe@example.com" in page.text
        and "Your mail server works" in page.text
    )


def test_there_is_no_mailbox_in_production(
    app: Flask, client: HouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(
        app.config["SETTINGS"], environment="production", smtp_url="smtp://127.0.0.1:25"
    )
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    assert client.get("/operations/mailbox").status_code == 404
