"""What the buyer is written when a return is decided: what to do next, by when, or why it is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from portal.core.audit import Actor
from portal.core.mail import Attachment
from portal.orders.documents.letterheads import address_lines, hand_of
from portal.orders.documents.services import return_slip
from portal.orders.documents.settings import document_settings
from portal.orders.documents.slips import RETURNS_TO
from portal.orders.documents.words import language_for
from portal.orders.fulfilment.settings import fulfilment_settings
from portal.orders.letters.buyers import Addressee, addressee_of, day_words
from portal.orders.letters.moments import write_at
from portal.orders.models import DocumentSettings
from portal.orders.returns.queries import WholeReturn, return_of
from portal.orders.returns.withdrawal import merchant_zone, send_back_by

LONGEST_MESSAGE: Final = 1_000
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "where": "Please send it to:\n\n{address}",
        "where_unknown": "We will tell you where to send it.",
        "instead": "We send you instead:\n\n{goods}",
        "clock": "You withdrew on {declared}. Please send the goods off by {send}. You get your money back by {refund} at the"
        " latest; we may wait until the goods are here or you have shown us that you sent them.",
        "kept": "The reason: we understand that you keep it.",
        "never_came": "The reason: it never arrived here.",
        "too_late": "The reason: it was sent back too late.",
        "used": "The reason: it was used beyond trying it.",
        "excluded": "The reason: it cannot be returned, because it was made to your order or its seal is broken.",
        "not_ours": "The reason: it is not what we sent you.",
        "other": "",
    },
    "de": {
        "where": "Bitte senden Sie es an:\n\n{address}",
        "where_unknown": "Wohin Sie es senden, teilen wir Ihnen noch mit.",
        "instead": "Stattdessen senden wir Ihnen:\n\n{goods}",
        "clock": "Sie haben am {declared} widerrufen. Bitte senden Sie die Ware bis zum {send} ab. Sie erhalten Ihr Geld"
        " spätestens am {refund} zurück; wir dürfen damit warten, bis die Ware hier ist oder Sie uns zeigen, dass sie unterwegs ist.",
        "kept": "Der Grund: Sie behalten die Ware, so haben wir Sie verstanden.",
        "never_came": "Der Grund: Die Ware ist nicht bei uns angekommen.",
        "too_late": "Der Grund: Die Ware wurde zu spät zurückgesandt.",
        "used": "Der Grund: Die Ware wurde mehr als zur Prüfung benutzt.",
        "excluded": "Der Grund: Die Ware ist von der Rückgabe ausgeschlossen, weil sie für Sie angefertigt oder entsiegelt wurde.",
        "not_ours": "Der Grund: Es ist nicht die Ware, die wir Ihnen gesandt haben.",
        "other": "",
    },
}  # fmt: skip


def is_told_as_a_rule(to: Addressee) -> bool:
    """Whether the mail is ticked at first: a connected shop or a marketplace usually writes to its buyers itself."""
    return bool(to.email) and (fulfilment_settings().mails_for_channels or not to.is_from_channel)


def tell_approved(order_id: int, n: int, *, by: Actor) -> None:
    """Write what comes back, where it goes, and the dates of a withdrawal; the return slip goes with it.

    Raises:
        DomainError: the order has no e-mail address.
    """
    to, found = addressee_of(order_id), return_of(order_id, n)
    words, settings = _WORDS.get(to.language, _WORDS["en"]), document_settings()
    address = _address(settings, to)
    values = {
        "goods": _goods(found.lines),
        "where": words["where"].replace("{address}", address) if address else words["where_unknown"],
        "clock": _clock(found, to.locale, words["clock"]),
        "instead": words["instead"].replace("{goods}", _goods(found.head["wanted"])) if found.head["wanted"] else "",
    }  # fmt: skip
    slip = Attachment(f"{to.number}-R{n}.pdf", "application/pdf", return_slip(order_id, n))
    write_at("return_approved", to, values, attachments=[slip], by=by)


def tell_rejected(order_id: int, n: int, *, reason_code: str, message: str, by: Actor) -> None:
    """Write that a return is refused, why, and what staff add.

    Raises:
        DomainError: the order has no e-mail address.
    """
    to, found = addressee_of(order_id), return_of(order_id, n)
    why = _WORDS.get(to.language, _WORDS["en"])[reason_code]
    values = {
        "goods": _goods(found.lines),
        "reason": "\n\n".join(filter(None, [why, message])),
    }
    write_at("return_rejected", to, values, by=by)


def _goods(rows: Sequence[Mapping[Any, Any]]) -> str:
    return "\n".join(f"{row['quantity']} × {row['title']}" for row in rows)


def _address(settings: DocumentSettings, to: Addressee) -> str:
    """As the return slip gives it; empty while the merchant wrote down no street."""
    if not settings.line1:
        return ""
    language = language_for(locale=to.locale, country=None, fallback=settings.language)
    hand = hand_of(language, settings.country_code, merchant_zone().key, seller=settings.country_code)
    place = {name: getattr(settings, name) for name in RETURNS_TO} | {"company": settings.company}
    return "\n".join(address_lines(place, hand, home=None))


def _clock(found: WholeReturn, locale: str, words: str) -> str:
    declared, due = found.head["declared_at"], found.head["refund_due_at"]
    if declared is None or due is None:
        return ""
    zone = merchant_zone()

    def day(moment: dt.datetime) -> str:
        return day_words(moment.astimezone(zone).date(), locale)

    dates = {"declared": day(declared), "send": day(send_back_by(declared)), "refund": day(due)}
    return words.format(**dates)
