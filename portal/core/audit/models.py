"""Who did what to what, and the chain that shows a later change of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.commit_order import CommitOrdered, Xid8
from portal.core.database import Base
from portal.core.ids import time_of
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import Tenant, TimeKey, partitioned_by


class AuditEntry(Tenant, TimeKey, CommitOrdered, Base):
    """One act, written in the transaction of the act. The app may add entries and read them, nothing else.

    An entry that concerns a person holds its values, its reason included, encrypted under that person's key from the
    first moment: destroying the key empties the entry and leaves the chain whole.
    """

    __tablename__ = "audit_entry"
    __append_only__ = True
    __subject_path__ = "data_subject_id"

    actor_kind: Mapped[str] = mapped_column(info=not_pii("kind of actor"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    actor_name: Mapped[str] = mapped_column(
        info=pii(
            category="name",
            strategy="staff",
            basis="legal_obligation",
            purpose="account for changes",
            retention="as long as the log",
        )
    )
    action: Mapped[str] = mapped_column(info=not_pii("name of the act"))
    subject_kind: Mapped[str] = mapped_column(info=not_pii("kind of thing"))
    subject_id: Mapped[str] = mapped_column(sa.Text(collation="C"), info=not_pii("id of the thing"))
    fields: Mapped[list[str]] = mapped_column(
        ARRAY(sa.Text), server_default="{}", info=not_pii("names of fields")
    )
    changes: Mapped[dict[str, Any] | None] = mapped_column(
        info=not_pii("values of things that concern no person")
    )
    sealed_changes: Mapped[bytes | None] = mapped_column(
        info=pii(
            category="free_text",
            strategy="shred",
            basis="legal_obligation",
            purpose="account for changes",
            retention="until the person's key is destroyed",
        )
    )
    data_subject_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    job_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    request_id: Mapped[str | None] = mapped_column(info=not_pii("random"))

    __table_args__ = (
        sa.CheckConstraint("data_subject_id IS NULL OR changes IS NULL", name="sealed"),
        sa.CheckConstraint("actor_kind IN ('user', 'job', 'system', 'channel')", name="actor_kind"),
        sa.Index("audit_entry_commit_order_idx", "merchant_id", "cluster", "xid", "id"),
        sa.Index("audit_entry_subject_idx", "merchant_id", "subject_kind", "subject_id", "id"),
        sa.Index("audit_entry_actor_idx", "merchant_id", "actor_kind", "actor_id", "id"),
        sa.Index("audit_entry_action_idx", "merchant_id", "action", "id"),
        sa.Index(
            "audit_entry_person_idx",
            "merchant_id",
            "data_subject_id",
            "id",
            postgresql_where=sa.text("data_subject_id IS NOT NULL"),
        ),
        partitioned_by("id"),
    )

    @property
    def at(self) -> dt.datetime:
        """When the act began."""
        return time_of(self.id)


class AuditSeal(Tenant, Base):
    """A link of the chain: a run of committed entries in commit order, hashed together with the link before it."""

    __tablename__ = "audit_seal"
    __append_only__ = True

    number: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    cluster: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("database cluster"))
    last_xid: Mapped[int] = mapped_column(Xid8, info=not_pii("transaction number"))
    entry_ids: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger), info=not_pii("keys"))
    entry_hashes: Mapped[bytes] = mapped_column(info=not_pii("hashes of sealed entries"))
    hash: Mapped[bytes] = mapped_column(info=not_pii("hash"))
    sealed_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))

    __table_args__ = (
        sa.CheckConstraint("octet_length(entry_hashes) = 32 * cardinality(entry_ids)", name="hashes"),
        sa.Index(None, "merchant_id", "cluster", "number"),
    )
