"""What was said to the customer and by the customer, and the files that belong to an order."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, partitioned_by
from portal.orders.models.parts import CODE, CONTENT, KEY, STATE, TIME, Timed, order_fk

CONTACT_WAYS = ("mail", "phone", "chat", "letter", "in_store")
LETTER_MOMENTS = ("return_approved", "return_rejected")


class OrderContactLog(Timed, Base):
    """One contact about the order: a mail that went out, a call that came in. A mail's text is in its message."""

    __tablename__ = "order_contact_log"

    way: Mapped[str] = mapped_column(info=STATE)
    is_incoming: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=STATE)
    title: Mapped[str] = mapped_column(info=not_pii("name of the template, or of the kind of contact"))
    summary: Mapped[str | None] = mapped_column(info=pii(category="free_text"))
    message_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (
        order_fk(),
        sa.CheckConstraint(sa.column("way").in_(CONTACT_WAYS), name="way"),
        partitioned_by("order_id"),
    )


class OrderFile(Timed, Base):
    """A file on the order; its bytes are sealed in the store under the key of the order's person."""

    __tablename__ = "order_file"

    file_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    name: Mapped[str] = mapped_column(info=pii(category="free_text"))
    media_type: Mapped[str] = mapped_column(info=CONTENT)
    size: Mapped[int] = mapped_column(sa.BigInteger, info=CONTENT)
    sha256: Mapped[bytes] = mapped_column(info=not_pii("digest, to tell a file that is there already"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (order_fk(), partitioned_by("order_id"))


class LetterTemplate(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A text the merchant's staff begin a mail to a customer with; placeholders in braces are filled from the order.

    One with a ``moment`` goes out by itself then, in place of ours.
    """

    __tablename__ = "letter_template"

    name: Mapped[str] = mapped_column(info=not_pii("name of a text"))
    locale: Mapped[str] = mapped_column(CODE, info=not_pii("language"))
    subject: Mapped[str] = mapped_column(info=not_pii("text of the shop"))
    body: Mapped[str] = mapped_column(info=not_pii("text of the shop"))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)
    moment: Mapped[str | None] = mapped_column(info=not_pii("when it goes out by itself"))

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "name", "locale"),
        sa.UniqueConstraint("merchant_id", "moment", "locale"),
        sa.CheckConstraint(sa.column("moment").in_(LETTER_MOMENTS), name="moment"),
    )
