"""Events written with the change they tell of, and how far each consumer has read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.commit_order import CommitOrdered, Xid8
from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant, TimeKey, partitioned_by


class OutboxEvent(Tenant, TimeKey, CommitOrdered, Base):
    """Something happened to a thing. The payload holds ids and plain values, never personal data."""

    __tablename__ = "outbox_event"
    __append_only__ = True

    kind: Mapped[str] = mapped_column(info=not_pii("name of the event"))
    key: Mapped[str] = mapped_column(sa.Text(collation="C"), info=not_pii("id of the thing"))
    payload: Mapped[dict[str, Any]] = mapped_column(
        default=dict, server_default="{}", info=not_pii("ids and plain values")
    )

    __table_args__ = (
        sa.Index("outbox_event_commit_order_idx", "merchant_id", "cluster", "xid", "id"),
        partitioned_by("id"),
    )


class OutboxCursor(Tenant, Base):
    """The last event a consumer has handled, per merchant and per cluster the events were written in."""

    __tablename__ = "outbox_cursor"

    consumer: Mapped[str] = mapped_column(primary_key=True, info=not_pii("name of the consumer"))
    cluster: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("database cluster")
    )
    xid: Mapped[int] = mapped_column(Xid8, server_default="0", info=not_pii("transaction number"))
    event_id: Mapped[int] = mapped_column(sa.BigInteger, server_default="0", info=not_pii("key"))
    moved_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    failures: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    error: Mapped[str | None] = mapped_column(info=not_pii("sentence of the program"))
    retry_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
