"""Mails that go out at a moment of an order's life in the merchant's own words, or in ours while they wrote none.

A text of a moment is a text like those staff begin a mail with; its further placeholders are filled by who sends it. One that
comes out empty leaves no gap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import db
from portal.core.mail import Attachment
from portal.orders.letters.buyers import Addressee
from portal.orders.letters.sending import write_to_buyer
from portal.orders.letters.texts import MOMENTS, Text, fill, values_of
from portal.orders.models import LetterTemplate

_GAP: Final = re.compile(r"\n{3,}")

_BUILT_IN: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("return_approved", "en"): (
        "Your return of order {number}",
        "Hello {name},\n\nyou can send back from your order {number}:\n\n{goods}\n\n{where}\n\nPlease put the return slip that"
        " comes with this mail into the parcel, and keep the carrier's receipt.\n\n{instead}\n\n{clock}\n\n{shop}",
    ),
    ("return_approved", "de"): (
        "Ihre Rücksendung zur Bestellung {number}",
        "Guten Tag {name},\n\nSie können aus Ihrer Bestellung {number} zurücksenden:\n\n{goods}\n\n{where}\n\nBitte legen Sie den"
        " Retourenschein aus dieser E-Mail in das Paket und heben Sie den Einlieferungsbeleg auf.\n\n{instead}\n\n{clock}\n\n{shop}",
    ),
    ("return_rejected", "en"): (
        "About your return of order {number}",
        "Hello {name},\n\nwe cannot take this back from your order {number}:\n\n{goods}\n\n{reason}\n\nIf you see it differently,"
        " please answer this mail.\n\n{shop}",
    ),
    ("return_rejected", "de"): (
        "Zu Ihrer Rücksendung der Bestellung {number}",
        "Guten Tag {name},\n\nwir können aus Ihrer Bestellung {number} nicht zurücknehmen:\n\n{goods}\n\n{reason}\n\nWenn Sie das"
        " anders sehen, antworten Sie bitte auf diese E-Mail.\n\n{shop}",
    ),
}  # fmt: skip


def built_in(moment: str, language: str) -> Text:
    """Our words for a moment; English where we have none in the language."""
    subject, body = _BUILT_IN.get((moment, language)) or _BUILT_IN[moment, "en"]
    return Text(moment, MOMENTS[moment], subject, body)


def write_at(
    moment: str, to: Addressee, values: Mapping[str, str], *, attachments: Sequence[Attachment] = (), by: Actor
) -> int:  # fmt: skip
    """Send the text of a moment to the buyer, in their language; gives the message's id.

    Args:
        values: of the moment's own placeholders.

    Raises:
        DomainError: the order has no e-mail address, or it is none.
        KeyringUnavailableError: the letter cannot be sealed now.
    """
    text = _text(moment, to.language)
    known = {**values_of(to), **values}
    body = _GAP.sub("\n\n", fill(text.body, known))
    return write_to_buyer(
        to.order_id, "order_letter", title=MOMENTS[moment], to=to, attachments=attachments, by=by,
        context={"subject": fill(text.subject, known), "body": body},
    )  # fmt: skip


def _text(moment: str, language: str) -> Text:
    """The merchant's own text in the buyer's language, else ours in it, else the merchant's or ours in English."""
    own = {
        each.locale: Text(moment, each.name, each.subject, each.body)
        for each in db.session.scalars(
            sa.select(LetterTemplate).where(
                LetterTemplate.moment == moment, LetterTemplate.is_active, LetterTemplate.locale.in_((language, "en"))
            )
        )
    }  # fmt: skip
    if language in own:
        return own[language]
    if (moment, language) in _BUILT_IN or "en" not in own:
        return built_in(moment, language)
    return own["en"]
