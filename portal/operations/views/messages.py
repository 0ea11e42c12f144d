"""Mail: what was written, what became of it, sending it again; the mailbox of the demo."""

from __future__ import annotations

from flask import Response, abort, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, public_route, requires
from portal.config import settings
from portal.core import mail
from portal.core.errors import DomainError
from portal.core.http import render, render_region, toast
from portal.core.listing import show_list
from portal.core.mail import Letter, Message
from portal.core.once import made_at, sent_once
from portal.core.reveal import log_view
from portal.operations.listings import MESSAGES, in_words
from portal.operations.queries import failed_count, mailbox
from portal.operations.views import bp


@bp.get("/messages")
@requires("operations.view")
def messages() -> ResponseReturnValue:
    return show_list(MESSAGES, "operations/messages.html", has_mailbox=has_mailbox())


@bp.get("/regions/failed-mail")
@requires("operations.view", passive=True)
def failed_mail() -> Response:
    """The tile of home that counts mail nobody got."""
    return render_region("operations/_failed_mail.html", title="Mail that failed", count=failed_count())


@bp.get("/messages/<int:message_id>")
@requires("operations.view")
def message(message_id: int) -> Response:
    found = mail.message_of(message_id)
    letter, hidden = _letter(found)
    return render(
        "operations/message.html", message=found, title=in_words(found.template), letter=letter, hidden=hidden
    )


@bp.post("/messages/<int:message_id>/resending")
@requires("operations.edit")
@sent_once
def resend_message(message_id: int) -> ResponseReturnValue:
    again = mail.resend(message_id, by=current_actor())
    toast("The message is queued again.")
    return made_at(url_for(".message", message_id=again.id))


@bp.get("/mailbox")
@public_route("The mailbox of the demo stands for everybody's own; it is not there in production.")
def demo_mailbox() -> Response:
    if not has_mailbox():
        abort(404)
    return render("operations/mailbox.html", letters=mailbox())


def has_mailbox() -> bool:
    """Whether mail stays on this machine and may be read by whoever sits at it."""
    return settings().environment != "production" and settings().smtp_url == "mailbox:"


def _letter(found: Message) -> tuple[Letter | None, str | None]:
    """The letter as far as this person may read it, else the sentence that says why not."""
    if found.subject_id is None:
        return None, "Mail to staff may hold a link to sign in, so its text is shown to nobody."
    if not can("customers.view"):
        return None, "Your role does not read mail to customers."
    try:
        letter = mail.read_letter(found)
    except DomainError as error:
        return None, error.message
    if letter is None:
        return None, "The text is gone: the person was erased, or the message is older than 180 days."
    log_view(current_actor(), [found.subject_id], case=("message", found.id), fields=["email", "letter"])
    return letter, None
