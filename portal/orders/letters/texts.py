"""Texts that staff begin a mail with: the merchant's own, and a few that every merchant has. Placeholders stand in braces."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.orders.book import lock_order, one_line
from portal.orders.letters.buyers import Addressee, addressee_of
from portal.orders.letters.sending import write_to_buyer
from portal.orders.models import LetterTemplate

PLACEHOLDERS: Final = {
    "name": "the buyer's name",
    "number": "the order's number",
    "total": "the order's total",
    "shop": "your shop's name",
}
MOMENTS: Final = {"return_approved": "A return is approved", "return_rejected": "A return is rejected"}
OWN_PLACEHOLDERS: Final = {
    "return_approved": {
        "goods": "what comes back",
        "where": "where to send it",
        "clock": "the dates of a withdrawal",
        "instead": "what an exchange brings",
    },
    "return_rejected": {"goods": "what is not taken back", "reason": "why, with what you add"},
}
LONGEST_SUBJECT: Final = 200
LONGEST_BODY: Final = 10_000
_BRACES: Final = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True)
class Text:
    """A beginning of a mail. ``key`` names it in forms."""

    key: str
    name: str
    subject: str
    body: str


BUILT_IN: Final = (
    Text(
        "late", "It takes longer", "Your order {number} takes a little longer",
        "Hello {name},\n\nyour order {number} is not ready to leave yet. We expect to send it within the next days and will"
        " write as soon as it is on its way.\n\nYou need not do anything. If you would rather not wait, answer this mail and"
        " we give your money back.\n\n{shop}",
    ),
    Text(
        "missing", "Something is out of stock", "About your order {number}",
        "Hello {name},\n\npart of your order {number} is out of stock. We can send it when it comes in, send something like"
        " it instead, or give you the money for it back.\n\nWhich would you like? A short answer to this mail is enough.\n\n{shop}",
    ),
    Text(
        "address", "Question about the address", "Is this address right? Your order {number}",
        "Hello {name},\n\nthe carrier does not know the address of your order {number}. Please check it and tell us what is"
        " missing: house number, name at the door, postcode.\n\n{shop}",
    ),
)  # fmt: skip


def texts() -> Sequence[Text]:
    """What staff may choose from: the merchant's own first."""
    own = db.session.scalars(
        sa.select(LetterTemplate)
        .where(LetterTemplate.is_active, LetterTemplate.moment.is_(None))
        .order_by(LetterTemplate.name, LetterTemplate.id)
    )
    return [
        *(Text(str(each.id), f"{each.name} ({each.locale})", each.subject, each.body) for each in own),
        *BUILT_IN,
    ]


def own_texts() -> Sequence[LetterTemplate]:
    """The merchant's own texts, those that are not offered too."""
    return db.session.scalars(
        sa.select(LetterTemplate).order_by(LetterTemplate.name, LetterTemplate.locale, LetterTemplate.id)
    ).all()


def filled(text: Text, order_id: int) -> Text:
    """The text with the order's values in its placeholders."""
    values = values_of(addressee_of(order_id))
    return Text(text.key, text.name, fill(text.subject, values), fill(text.body, values))


def placeholders_of(moment: str | None) -> Mapping[str, str]:
    """What may stand in braces in a text of this moment, or in one that staff begin with."""
    return {**PLACEHOLDERS, **OWN_PLACEHOLDERS.get(moment or "", {})}


def values_of(person: Addressee) -> dict[str, str]:
    """What the placeholders of every text stand for."""
    return {
        "name": person.name or "",
        "number": person.number,
        "total": str(person.facts["total"]),
        "shop": person.shop,
    }


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with values in its placeholders; one that is unknown stays as it is written."""
    return _BRACES.sub(lambda found: values.get(found[1], found[0]), text)


def send_text(order_id: int, subject: str, body: str, *, title: str | None, by: Actor) -> int:
    """Send what staff wrote to the buyer of an order; gives the message's id.

    Raises:
        DomainError: subject or body is missing or too long, or the order has no e-mail address.
    """
    line, text = one_line(subject, LONGEST_SUBJECT + 1), body.replace("\0", "").strip()
    if not line or len(line) > LONGEST_SUBJECT:
        raise DomainError(f"A subject has 1 to {LONGEST_SUBJECT} characters.", field="subject")
    if not text or len(text) > LONGEST_BODY:
        raise DomainError(f"A mail has 1 to {LONGEST_BODY:,} characters.", field="body")
    lock_order(order_id)
    number = write_to_buyer(
        order_id, "order_letter", title=title or "Mail", context={"subject": line, "body": text}, by=by
    )
    audit.record(
        action="order.mail_written", by=by, subject=("order", order_id), after={"message_id": number}
    )
    return number


def save_text(
    template_id: int | None, values: Mapping[str, str], *, version: int, by: Actor
) -> LetterTemplate:
    """Keep a text of the merchant's own, new or changed.

    Raises:
        DomainError: a part is missing or too long, or a placeholder is unknown.
        ConflictError: somebody else saved it, or there is one of that name, or for that moment, in the language.
    """
    name, locale = one_line(values["name"], 80), one_line(values["locale"], 12).lower()
    subject, body = one_line(values["subject"], LONGEST_SUBJECT), values["body"].replace("\0", "").strip()
    for field, value in (("name", name), ("locale", locale), ("subject", subject), ("body", body)):
        if not value:
            raise DomainError("Fill this in.", field=field)
    known = placeholders_of(values.get("moment"))
    unknown = sorted({each for each in _BRACES.findall(subject + body) if each not in known})
    if unknown:
        raise _refused(unknown[0], known)
    text = _text_of(template_id, version) if template_id else LetterTemplate()
    text.name, text.locale, text.subject, text.body = name, locale, subject, body
    text.moment = values.get("moment") or None
    text.is_active = values.get("is_active", "1") == "1"
    try:
        with db.session.begin_nested():
            db.session.add(text)
    except IntegrityError as error:
        taken = "moment" if "moment" in str(error.orig) else "name"
        raise ConflictError(
            f"There is a text {'for this moment' if taken == 'moment' else 'of this name'} in this language.",
            field=taken,
        ) from error
    audit.record(
        action="letter_template.saved", by=by, subject=("letter_template", text.id), after={"name": name, "locale": locale}
    )  # fmt: skip
    return text


def _text_of(template_id: int, version: int) -> LetterTemplate:
    text = db.session.scalars(
        sa.select(LetterTemplate).where(LetterTemplate.id == template_id).with_for_update()
    ).one()
    if text.version != version:
        raise ConflictError("Somebody else changed this text. Open it again and look at it.")
    return text


def _refused(unknown: str, known: Collection[str]) -> DomainError:
    words = ", ".join(f"{{{each}}}" for each in known)
    return DomainError(f"{{{unknown}}} is not known. Use {words}.", field="body")
