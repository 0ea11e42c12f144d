"""Mail: a sealed row with the change, sent after it, through a server that was tried first."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import smtplib
import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core import keyring, mail, storage
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.core.ids import floor_at
from portal.core.jobs import Job, run_due_jobs
from portal.core.mail import Message, accounts, transport
from portal.core.mail.accounts import AccountValues
from portal.core.mail.rendering import Letter
from portal.core.mail.transport import MailError, Server
from portal.core.subjects import DataSubject

CLERK = Actor("user", 7, "Ada Clerk")


class FakeSmtp(socketserver.ThreadingTCPServer):
    """A small SMTP server that keeps what it is given and answers as told."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.letters: list[str] = []
        self.recipients: list[str] = []
        self.answers: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Session(socketserver.StreamRequestHandler):
    server: FakeSmtp

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "DATA":
                self._say("354 go on")
                body = []
                while (part := self.rfile.readline().decode()) != ".\r\n":
                    body.append(part)
                self.server.letters.append("".join(body))
                self._say(self.server.answers.pop(0) if self.server.answers else "250 taken")
            elif verb == "RCPT":
                self.server.recipients.append(line)
                self._say("250 ok")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def smtp() -> Iterator[FakeSmtp]:
    with FakeSmtp() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def values(port: int, **changes: object) -> AccountValues:
    told: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "username": "",
        "password": "",
        "sender": "shop@example.com",
        "sender_name": "The Shop",
    }
    return AccountValues(**(told | changes))  # type: ignore[arg-type]


def switched_on(server: FakeSmtp) -> None:
    accounts.save_account(values(server.port), by=CLERK)
    accounts.test_account(by=CLERK)
    accounts.switch_account(True, by=CLERK)
    db.session.commit()


def written(**options: object) -> Message:
    told: dict[str, object] = {"to": "jane@example.com", "context": {"shop": "Example & Sons"}}
    message = mail.send_mail("mail_test", **(told | options))  # type: ignore[arg-type]
    db.session.commit()
    return message


def again() -> None:
    db.session.execute(sa.update(Job).where(Job.state == "queued").values(run_after=utc_now()))
    db.session.commit()
    run_due_jobs()


def test_a_message_is_written_with_the_change_and_sent_after_it(scope: int, smtp: FakeSmtp) -> None:
    switched_on(smtp)
    message = written()
    assert (message.state, smtp.letters) == ("queued", [])
    run_due_jobs()
    assert (message.state, message.attempts) == ("sent", 1) and message.sent_at is not None
    [letter] = smtp.letters
    assert "Subject: Your mail server works" in letter and "From: The Shop <shop@example.com>" in letter
    assert (
        "To: jane@example.com" in letter
        and "Example & Sons can send" in letter
        and "Example &amp; Sons" in letter
    )


def test_a_change_that_is_rolled_back_sends_nothing(scope: int, smtp: FakeSmtp) -> None:
    switched_on(smtp)
    mail.send_mail("mail_test", to="jane@example.com", context={"shop": "x"})
    db.session.rollback()
    run_due_jobs()
    assert smtp.letters == []


def test_no_address_and_no_text_stand_in_the_row(scope: int) -> None:
    written()
    row = db.session.scalars(
        sa.text("SELECT message::text FROM message WHERE message.merchant_id = :merchant"),
        {"merchant": scope},
    ).one()
    assert "jane" not in row and "Example" not in row


def test_the_letter_of_an_erased_person_is_gone_and_not_sent(scope: int, smtp: FakeSmtp) -> None:
    switched_on(smtp)
    person = DataSubject()
    db.session.add(person)
    db.session.flush()
    message = written(subject_id=person.id)
    letter = mail.read_letter(message)
    assert letter is not None and letter.to == "jane@example.com"
    keyring.destroy_person_key(person.id)
    assert mail.read_letter(message) is None
    run_due_jobs()
    assert (message.state, smtp.letters) == ("failed", [])


def test_what_is_attached_goes_along_and_is_sent_again(scope: int, smtp: FakeSmtp) -> None:
    switched_on(smtp)
    message = written(attachments=[mail.Attachment("Rechnung 1.pdf", "application/pdf", b"%PDF-1.7 body")])
    run_due_jobs()
    mail.resend(message.id, by=CLERK)
    db.session.commit()
    run_due_jobs()
    assert len(smtp.letters) == 2
    for letter in smtp.letters:
        parsed = email.message_from_string(letter, policy=email.policy.default)
        (part,) = parsed.iter_attachments()
        assert (part.get_filename(), part.get_content()) == ("Rechnung 1.pdf", b"%PDF-1.7 body")


def test_a_letter_whose_attachment_is_gone_is_not_sent_without_it(scope: int, smtp: FakeSmtp) -> None:
    switched_on(smtp)
    message = written(attachments=[mail.Attachment("a.pdf", "application/pdf", b"%PDF")])
    storage.delete(message.attachments[0])
    db.session.commit()
    run_due_jobs()
    db.session.refresh(message)
    assert (message.state, smtp.letters) == ("failed", [])


def test_a_busy_server_is_tried_again_and_a_refusal_is_final(scope: int, smtp: FakeSmtp) -> None:
    switched_on(smtp)
    smtp.answers = ["451 later", "250 taken"]
    message = written()
    run_due_jobs()
    assert (message.state, message.error) == ("queued", "The mail server refused the message (code 451).")
    again()
    assert (message.state, message.error, message.attempts) == ("sent", None, 2)
    smtp.answers = ["550 no"]
    refused = written()
    run_due_jobs()
    assert (refused.state, refused.error) == ("failed", "The mail server refused the message (code 550).")


def test_every_try_carries_the_same_message_id(scope: int, smtp: FakeSmtp) -> None:
    switched_on(smtp)
    smtp.answers = ["451 later"]
    written()
    run_due_jobs()
    again()
    names = {line for letter in smtp.letters for line in letter.splitlines() if line.startswith("Message-ID")}
    assert len(smtp.letters) == 2 and len(names) == 1


def test_after_five_tries_a_message_has_failed(scope: int, smtp: FakeSmtp) -> None:
    switched_on(smtp)
    smtp.answers = ["451 later"] * 9
    message = written()
    run_due_jobs()
    for _ in range(6):
        again()
    assert (message.state, message.attempts) == ("failed", 5)


def test_a_failed_message_is_tried_again_and_a_sent_one_goes_out_as_a_new_one(
    scope: int, smtp: FakeSmtp
) -> None:
    switched_on(smtp)
    smtp.answers = ["550 no"]
    message = written()
    run_due_jobs()
    assert mail.resend(message.id, by=CLERK).id == message.id
    db.session.commit()
    run_due_jobs()
    assert message.state == "sent"
    copy = mail.resend(message.id, by=CLERK)
    db.session.commit()
    run_due_jobs()
    assert (copy.id != message.id, copy.state, copy.resend_of) == (True, "sent", message.id)


@pytest.mark.parametrize("field", ["shop", "to"])
def test_a_line_break_in_a_value_begins_no_header(scope: int, field: str) -> None:
    evil = "Shop\r\nBcc: victim@example.com"
    if field == "to":
        with pytest.raises(DomainError):
            mail.send_mail(
                "mail_test", to="jane@example.com\r\nBcc: victim@example.com", context={"shop": "x"}
            )
        return
    server = Server("h", 25, "none", "shop@example.com", sender_name=evil)
    letter = Letter(to="jane@example.com", subject=evil, text="x", html=None)
    head = transport.compose(server, letter, "<1@example.com>").as_bytes().split(b"\r\n\r\n")[0]
    assert not any(line.startswith(b"Bcc") for line in head.splitlines())


@pytest.mark.parametrize(
    "address", ["nobody", "a@b@c", "", "jane@", "<jane@example.com>", "jane@exa mple.com"]
)
def test_it_refuses_what_is_no_address(scope: int, address: str) -> None:
    with pytest.raises(DomainError):
        mail.send_mail("mail_test", to=address, context={"shop": "x"})


def test_a_language_that_is_missing_falls_back_to_english(scope: int) -> None:
    letter = mail.read_letter(written(locale="de_AT"))
    assert letter is not None and letter.subject == "Your mail server works"


def test_settings_are_tested_before_they_are_switched_on(scope: int, smtp: FakeSmtp) -> None:
    accounts.save_account(values(smtp.port), by=CLERK)
    with pytest.raises(ConflictError, match="Test these settings"):
        accounts.switch_account(True, by=CLERK)
    switched_on(smtp)
    assert accounts.save_account(values(smtp.port, username="new"), by=CLERK).is_active is False
    with pytest.raises(ConflictError):
        accounts.switch_account(True, by=CLERK)


def test_a_password_is_sealed_and_kept_when_it_is_not_typed_again(scope: int) -> None:
    account = accounts.save_account(values(25, username="u", password="correct-horse-1234"), by=CLERK)
    assert account.password_tail == "1234" and b"horse" not in (account.password or b"")
    accounts.save_account(values(26, username="u"), by=CLERK)
    assert accounts.server_of(account).password == "correct-horse-1234"


def test_it_refuses_to_send_in_the_clear_to_another_machine(scope: int) -> None:
    with pytest.raises(DomainError, match="encrypted"):
        accounts.save_account(values(25, host="mail.example.com"), by=CLERK)


def test_a_server_that_is_not_there_is_named_as_such(scope: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    accounts.save_account(values(port), by=CLERK)
    with pytest.raises(MailError, match="could not be reached"):
        accounts.test_account(by=CLERK)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.5", "169.254.169.254", "[::1]", "0.0.0.0", "::ffff:127.0.0.1"]
)
def test_a_merchant_cannot_reach_into_the_private_network(host: str) -> None:
    server = Server(host.strip("[]"), 25, "none", "shop@example.com")
    with pytest.raises(MailError, match="private network"):
        transport.try_out(server)


def test_a_merchant_cannot_try_other_ports() -> None:
    with pytest.raises(MailError, match="port"):
        transport.try_out(Server("mail.example.com", 6379, "none", "shop@example.com"))


def test_without_a_server_the_demo_keeps_its_mail(scope: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtplib, "SMTP", None)
    message = written()
    run_due_jobs()
    assert message.state == "sent"


def test_old_messages_are_tidied_away(scope: int, app: Flask) -> None:
    old = written()
    kept = written()
    long_ago = floor_at(utc_now() - dt.timedelta(days=181))
    db.session.execute(sa.update(Message).where(Message.id == old.id).values(id=long_ago))
    db.session.commit()
    assert mail.prune_messages() == 1
    db.session.commit()
    assert db.session.scalars(sa.select(Message.id)).all() == [kept.id]


def test_a_password_goes_to_no_other_server_than_it_was_given_for(scope: int, smtp: FakeSmtp) -> None:
    accounts.save_account(values(smtp.port, username="shop", password="a long pass word"), by=CLERK)
    db.session.commit()
    with pytest.raises(DomainError, match="Enter the password again") as refused:
        accounts.save_account(values(smtp.port, host="localhost", username="shop"), by=CLERK)
    assert refused.value.field == "password"
    db.session.rollback()
    accounts.save_account(values(smtp.port, username="shop", sender_name="Shop"), by=CLERK)
    accounts.save_account(
        values(smtp.port, host="localhost", username="shop", password="another one"), by=CLERK
    )


def test_what_was_changed_during_the_test_was_not_tested(
    scope: int, smtp: FakeSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.save_account(values(smtp.port), by=CLERK)
    db.session.commit()
    monkeypatch.setattr(
        accounts, "try_out", lambda server: (accounts.save_account(values(1), by=CLERK), db.session.commit())
    )
    with pytest.raises(ConflictError, match="changed during the test"):
        accounts.test_account(by=CLERK)
    found = accounts.mail_account()
    assert found is not None and found.tested_at is None


def test_a_second_click_on_resend_sends_no_second_letter(scope: int, smtp: FakeSmtp) -> None:
    switched_on(smtp)
    message = written()
    run_due_jobs()
    for _ in range(2):
        mail.resend(message.id, by=CLERK)
        db.session.commit()
    run_due_jobs()
    assert len(smtp.letters) == 2
