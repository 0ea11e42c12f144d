"""Mail as rows: written with the change it tells of, sent by a job, kept so that a person can see what went out."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant, TimeKey, Timestamped, Versioned, tenant_fk

MESSAGE_STATES: Final = ("queued", "sent", "failed")
SECURITY: Final = ("tls", "starttls", "none")


class Message(Tenant, TimeKey, Base):
    """One e-mail. Recipient, subject and bodies are encrypted: under the person's key, or the portal's for staff."""

    __tablename__ = "message"
    __subject_path__ = "subject_id"

    template: Mapped[str] = mapped_column(info=not_pii("name of the template"))
    locale: Mapped[str] = mapped_column(info=not_pii("language"))
    recipient_masked: Mapped[str | None] = mapped_column(
        info=pii(
            category="email", strategy="erase", purpose="tell whom a message went to", retention="180 days"
        )
    )
    payload: Mapped[bytes | None] = mapped_column(
        info=pii(
            category="free_text",
            strategy="shred",
            purpose="send and show a message",
            retention="180 days, or until the person's key is destroyed",
        )
    )
    attachments: Mapped[list[Any]] = mapped_column(
        JSONB, default=list, server_default="[]", info=not_pii("keys of stored files")
    )
    subject_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    about_kind: Mapped[str | None] = mapped_column(info=not_pii("kind of thing"))
    about_id: Mapped[str | None] = mapped_column(sa.Text(collation="C"), info=not_pii("id of the thing"))
    state: Mapped[str] = mapped_column(default="queued", server_default="queued", info=not_pii("state"))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    error: Mapped[str | None] = mapped_column(info=not_pii("sentence of the program"))
    resend_of: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    sent_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    __table_args__ = (
        tenant_fk("data_subject", "subject_id"),
        sa.CheckConstraint(sa.column("state").in_(MESSAGE_STATES), name="state"),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_at"),
        sa.Index("message_state_idx", "merchant_id", "state", "id"),
        sa.Index("message_about_idx", "merchant_id", "about_kind", "about_id", "id"),
        sa.Index(
            "message_subject_idx",
            "merchant_id",
            "subject_id",
            "id",
            postgresql_where=sa.text("subject_id IS NOT NULL"),
        ),
    )


class MailAccount(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """The SMTP server a merchant sends through. It is switched on only after a test with these very settings."""

    __tablename__ = "mail_account"

    host: Mapped[str] = mapped_column(info=not_pii("server name"))
    port: Mapped[int] = mapped_column(info=not_pii("port"))
    security: Mapped[str] = mapped_column(info=not_pii("kind of encryption"))
    username: Mapped[str] = mapped_column(default="", server_default="", info=not_pii("account of the shop"))
    password: Mapped[bytes | None] = mapped_column(info=not_pii("encrypted credential of the shop"))
    password_tail: Mapped[str] = mapped_column(
        default="", server_default="", info=not_pii("last four characters")
    )
    sender: Mapped[str] = mapped_column(info=not_pii("address of the shop"))
    sender_name: Mapped[str] = mapped_column(default="", server_default="", info=not_pii("name of the shop"))
    is_active: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=not_pii("state"))
    tested_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    __table_args__ = (
        sa.UniqueConstraint("merchant_id"),
        sa.CheckConstraint(sa.column("security").in_(SECURITY), name="security"),
        sa.CheckConstraint("NOT is_active OR tested_at IS NOT NULL", name="tested_first"),
        sa.CheckConstraint("port BETWEEN 1 AND 65535", name="port"),
    )
