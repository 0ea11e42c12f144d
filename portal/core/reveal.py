"""Who saw whose data, and why.

Inside an opened case (an order, a customer, a privacy request) a person is shown and the view is logged with that case.
Outside a case a reveal asks for a typed reason. The log is written before the data is shown, in a transaction of its
own: when it cannot be written, nothing is shown.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import Tenant, TimeKey, tenant_fk


class PersonalDataView(Tenant, TimeKey, Base):
    """A user saw personal data of a subject. Repeated looks at one case within a quarter of an hour count up one row."""

    __tablename__ = "personal_data_view"
    __subject_path__ = "subject_id"

    subject_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    kind: Mapped[str] = mapped_column(info=not_pii("view, reveal or export"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("kind of actor"))
    actor_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    case_kind: Mapped[str] = mapped_column(default="", server_default="", info=not_pii("kind of case"))
    case_id: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=not_pii("key"))
    fields: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]", info=not_pii("names of fields"))
    reason: Mapped[str | None] = mapped_column(info=pii(
        category="free_text", strategy="erase", basis="legal_obligation", purpose="account for a reveal"))
    window_start: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    last_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    times: Mapped[int] = mapped_column(default=1, server_default="1", info=not_pii("count"))

    __table_args__ = (
        tenant_fk("data_subject", "subject_id"),
        sa.Index("personal_data_view_window_key", "merchant_id", "actor_id", "subject_id", "case_kind", "case_id", "window_start",
                 unique=True, postgresql_where=sa.text("kind = 'view'")),
        sa.Index(None, "merchant_id", "subject_id", "id"),
        sa.Index(None, "merchant_id", "actor_id", "last_at"),
        sa.CheckConstraint("kind IN ('view', 'reveal', 'export')", name="kind"),
        sa.CheckConstraint("kind <> 'reveal' OR reason IS NOT NULL", name="reason"),
    )
