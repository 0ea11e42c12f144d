"""Tags on an order."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.book import lock_order, of_order, one_line
from portal.orders.models import OrderTag

LONGEST_TAG: Final = 40
MOST_TAGS: Final = 30

_tag = OrderTag.__table__


def add_tag(order_id: int, tag: str, *, by: Actor) -> bool:
    """Tag the order; gives whether the tag was new to it.

    Raises:
        DomainError: the tag is empty or too long, or the order has thirty.
    """
    word = checked_tag(tag)
    merchant_id = current_merchant_id()
    # Two at once would both find room for the last tag.
    lock_order(order_id)
    held = db.session.execute(
        sa.select(sa.func.count()).select_from(_tag).where(of_order(_tag, order_id))
    ).scalar_one()
    if held >= MOST_TAGS:
        raise DomainError(f"An order can have {MOST_TAGS} tags.", field="tag")
    made = db.session.execute(
        postgresql.insert(_tag).values(merchant_id=merchant_id, order_id=order_id, tag=word)
        .on_conflict_do_nothing().returning(_tag.c.tag)
    ).first()  # fmt: skip
    if made:
        audit.record(action="order.tagged", by=by, subject=("order", order_id), after={"tag": word})
    return made is not None


def remove_tag(order_id: int, tag: str, *, by: Actor) -> None:
    """Take a tag off; an order without it stays as it is."""
    tag = tag.replace("\0", "")
    gone = db.session.execute(
        sa.delete(_tag).where(of_order(_tag, order_id), _tag.c.tag == tag).returning(_tag.c.tag)
    ).first()
    if gone:
        audit.record(action="order.untagged", by=by, subject=("order", order_id), before={"tag": tag})


def checked_tag(tag: str) -> str:
    """The tag as it is kept.

    Raises:
        DomainError: it is empty or too long, or holds a comma.
    """
    word = one_line(tag, LONGEST_TAG + 1)
    if not word or len(word) > LONGEST_TAG or "," in word:
        raise DomainError(f"A tag has 1 to {LONGEST_TAG} characters and no comma.", field="tag")
    return word
