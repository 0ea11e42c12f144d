"""Mails about an order: rendered now, sent after the commit, and on the order's contact log with their state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portal.core import mail
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.errors import DomainError
from portal.orders.book import insert_row
from portal.orders.letters.buyers import Addressee, addressee_of
from portal.orders.models import OrderContactLog

_log = OrderContactLog.__table__


def write_to_buyer(
    order_id: int, template: str, *, title: str, context: Mapping[str, Any] | None = None, to: Addressee | None = None,
    language: str | None = None, attachments: Sequence[mail.Attachment] = (), by: Actor,
) -> int:  # fmt: skip
    """Send one of ``templates/emails`` to the buyer of an order; gives the message's id.

    Args:
        title: what the letter is called on the order.
        context: what its templates need beyond ``shop``, ``name`` and ``order``.
        to: the addressee, when the caller has them already.
        language: of the letter, when it is not that of the addressee.
        attachments: files that go with it.

    Raises:
        DomainError: the order has no e-mail address, or it is none.
        KeyringUnavailableError: the letter cannot be sealed now.
    """
    person = to or addressee_of(order_id)
    if not person.email:
        raise DomainError("This order has no e-mail address.", field="email")
    message = mail.send_mail(
        template,
        to=person.email,
        context={"shop": person.shop, "name": person.name, "order": person.facts, **(context or {})},
        locale=language or person.locale,
        subject_id=person.subject_id,
        about=("order", order_id),
        attachments=attachments,
        by=by,
    )
    insert_row(
        _log, order_id, way="mail", title=title, message_id=message.id, actor_kind=by.kind, actor_id=by.id, at=utc_now()
    )  # fmt: skip
    return int(message.id)
