"""Mail: a row written with the change it tells of, sent by a job after the commit, visible until it is tidied away."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
import structlog
from email_validator import EmailNotValidError, validate_email

from portal.core import audit, keyring, storage
from portal.core.audit import SYSTEM, Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.ids import floor_at, public_id
from portal.core.jobs import JobRun, RetryLaterError, enqueue, job
from portal.core.mail.accounts import sending_server
from portal.core.mail.models import MailAccount, Message
from portal.core.mail.rendering import Letter, render_letter
from portal.core.mail.transport import Attachment, MailError, deliver
from portal.core.masking import mask_email
from portal.core.secrets import secret_box

log = structlog.get_logger(__name__)

__all__ = [
    "Attachment",
    "Letter",
    "MailAccount",
    "MailError",
    "Message",
    "message_of",
    "prune_messages",
    "read_letter",
    "resend",
    "send_mail",
]

KEPT: Final = dt.timedelta(days=180)
PRUNED_AT_ONCE: Final = 1_000


def send_mail(
    template: str,
    *,
    to: str,
    context: Mapping[str, Any] | None = None,
    locale: str = "en",
    subject_id: int | None = None,
    about: tuple[str, int | str] | None = None,
    attachments: Sequence[Attachment] = (),
    by: Actor = SYSTEM,
) -> Message:
    """Render a message now and send it after the caller's commit.

    Args:
        template: a folder under ``templates/emails``.
        to: one address.
        context: the values of the templates; they stand in the sealed letter only.
        locale: the language; English where the message has no such file.
        subject_id: the person it goes to, whose key seals it; None for staff.
        about: kind and id of the thing it is about, for the outbox page.
        attachments: files that go with it, kept sealed as long as the letter.
        by: who caused it.

    Raises:
        DomainError: *to* is no address.
        KeyringUnavailableError: it goes to a person and the key store does not answer.
    """
    try:
        # Python's own mail package and half of all servers take no address outside ASCII; the domain becomes punycode.
        address = validate_email(to, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise DomainError("This is not an e-mail address.", field="email") from error
    recipient = address.ascii_email or address.normalized
    letter = render_letter(template, recipient, context or {}, locale)
    message = Message(
        template=template,
        locale=locale,
        recipient_masked=mask_email(recipient),
        subject_id=subject_id,
        payload=_sealed(letter, template, subject_id),
        about_kind=about[0] if about else None,
        about_id=str(about[1]) if about else None,
    )
    db.session.add(message)
    db.session.flush()
    if attachments:
        message.attachments = _kept(attachments, message)
        db.session.flush()
    _enqueue(message, by)
    return message


def message_of(message_id: int) -> Message:
    """A message of the merchant.

    Raises:
        NotFoundError: there is none.
    """
    found = db.session.get(Message, (current_merchant_id(), message_id))
    if found is None:
        raise NotFoundError("There is no such message. Messages are kept for 180 days.")
    return found


def read_letter(message: Message) -> Letter | None:
    """The letter of a message, or None when it was tidied away, its person was erased, or it no longer opens.

    Raises:
        KeyringUnavailableError: the key store does not answer.
    """
    if message.payload is None:
        return None
    try:
        if message.subject_id is None:
            plain = secret_box.decrypt(message.payload, _purpose(message.template))
        else:
            plain = keyring.decrypt(message.payload, _purpose(message.template), message.subject_id)
    except keyring.KeyDestroyedError:
        return None
    except keyring.DecryptionError:
        log.warning("a letter does not open", message_id=message.id)
        return None
    return Letter(**json.loads(plain))


def resend(message_id: int, *, by: Actor) -> Message:
    """Try a message again; one that was sent goes out once more as a message of its own.

    Raises:
        ConflictError: its text is gone.
    """
    first = db.session.get(
        Message, (current_merchant_id(), message_id), with_for_update=True, populate_existing=True
    ) or message_of(message_id)
    if read_letter(first) is None:
        raise ConflictError("The text of this message is gone, so it cannot be sent again.")
    message = first
    again = db.session.scalars(
        sa.select(Message).where(Message.resend_of == first.id, Message.state == "queued")
    ).first()
    if again is not None:
        # A second click is the first one.
        return again
    if first.state == "sent":
        message = Message(
            template=first.template,
            locale=first.locale,
            recipient_masked=first.recipient_masked,
            payload=first.payload,
            subject_id=first.subject_id,
            about_kind=first.about_kind,
            about_id=first.about_id,
            attachments=first.attachments,
            resend_of=first.id,
        )
        db.session.add(message)
    message.state, message.error = "queued", None
    db.session.flush()
    audit.record("message.resent", by=by, subject=("message", message.id))
    _enqueue(message, by)
    return message


def prune_messages(before: dt.datetime | None = None) -> int:
    """Delete the merchant's messages older than *before* (180 days), some at a time; the caller commits."""
    old = (
        sa.select(Message.id)
        .where(Message.id < floor_at(before or utc_now() - KEPT))
        .order_by(Message.id)
        .limit(PRUNED_AT_ONCE)
    )
    return len(db.session.execute(sa.delete(Message).where(Message.id.in_(old)).returning(Message.id)).all())


@job("mail.send", title="Send a message", permission="operations.view", queue="quick", quiet=True)
def _send(run: JobRun) -> None:
    message = db.session.get(Message, (current_merchant_id(), int(run.args["message_id"])))
    if message is None or message.state == "sent":
        return
    letter = read_letter(message)
    if letter is None:
        _give_up(run, message, "The person was erased or the text is gone, so nothing was sent.")
    else:
        _deliver(run, message, letter)


def _deliver(run: JobRun, message: Message, letter: Letter) -> None:
    server = sending_server()
    attachments = _attachments(message)
    if attachments is None:
        _give_up(run, message, "An attachment of this message is gone, so nothing was sent.")
        return
    message.attempts += 1
    # The same id on every try: a server that took the letter twice delivers it once.
    name = f"{public_id('msg', message.id)}.{message.merchant_id}"
    # No transaction stays open while a server far away thinks.
    run.commit()
    try:
        if server is not None:
            deliver(server, letter, f"<{name}@{server.sender.rpartition('@')[2]}>", attachments)
    except MailError as error:
        if not error.is_temporary or run.is_last_try:
            _give_up(run, message, error.message)
        message.error = error.message
        run.commit()
        raise RetryLaterError(error.message) from error
    message.state, message.error, message.sent_at = "sent", None, utc_now()


def _give_up(run: JobRun, message: Message, why: str) -> None:
    message.state, message.error = "failed", why
    run.commit()
    raise DomainError(why)


def _kept(attachments: Sequence[Attachment], message: Message) -> list[str]:
    """Store what goes with a letter; it is gone with the letter, or when the person is erased."""
    keys = []
    for place, each in enumerate(attachments):
        key = f"mail/{message.id}/{place}"
        storage.put(
            key, each.data, message.subject_id, filename=each.filename, media_type=each.media_type,
            expires_at=utc_now() + KEPT,
        )  # fmt: skip
        keys.append(key)
    return keys


def _attachments(message: Message) -> list[Attachment] | None:
    """What goes with the letter, or None when a file of it is gone."""
    found = []
    for key in message.attachments:
        stored = db.session.scalars(
            sa.select(storage.StoredFile).where(storage.StoredFile.key == key)
        ).first()
        if stored is None:
            return None
        try:
            data = storage.read_bytes(key)
        except (NotFoundError, keyring.KeyDestroyedError):
            return None
        found.append(Attachment(stored.filename or "attachment", stored.media_type, data))
    return found


def _enqueue(message: Message, by: Actor) -> None:
    enqueue("mail.send", {"message_id": message.id}, by=by, unique_key=f"message-{message.id}")


def _sealed(letter: Letter, template: str, subject_id: int | None) -> bytes:
    plain = json.dumps(letter.as_dict(), ensure_ascii=False).encode()
    if subject_id is None:
        return secret_box.encrypt(plain, _purpose(template))
    return keyring.encrypt(plain, _purpose(template), subject_id)


def _purpose(template: str) -> str:
    return f"mail|{template}"
