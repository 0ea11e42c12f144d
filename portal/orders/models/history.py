"""What was said and what happened on an order."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import partitioned_by
from portal.orders.models.parts import (
    CODE,
    STATE,
    TIME,
    OfOrder,
    Timed,
    order_fk,
)


class OrderNote(Timed, Base):
    """What someone wrote on the order, for the team or for the customer."""

    __tablename__ = "order_note"

    body: Mapped[str] = mapped_column(info=pii(category="free_text"))
    is_internal: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (order_fk(), partitioned_by("order_id"))


class OrderTag(OfOrder, Base):
    """A tag on an order."""

    __tablename__ = "order_tag"

    tag: Mapped[str] = mapped_column(
        CODE, primary_key=True, info=not_pii("a word of the merchant's own list")
    )

    __table_args__ = (
        order_fk(),
        sa.Index(None, "merchant_id", "tag", "order_id"),
        partitioned_by("order_id"),
    )


class OrderEvent(Timed, Base):
    """The timeline: every change of state or money, who made it and when. Append-only."""

    __tablename__ = "order_event"
    __append_only__ = True

    kind: Mapped[str] = mapped_column(info=not_pii("kind of event"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    data: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict, server_default="{}", info=not_pii("ids, amounts and states only")
    )

    __table_args__ = (order_fk(), partitioned_by("order_id"))
