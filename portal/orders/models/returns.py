"""Goods that come back."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import partitioned_by
from portal.orders.models.parts import (
    CODE,
    CONTENT,
    KEY,
    STATE,
    TIME,
    Numbered,
    OfOrder,
    order_fk,
)

RETURN_STATES = ("requested", "approved", "on_the_way", "received", "inspected", "refunded", "rejected")


class OrderReturn(Numbered, Base):
    """Goods coming back, from request to refund or refusal."""

    __tablename__ = "order_return"

    state: Mapped[str] = mapped_column(default="requested", server_default="requested", info=STATE)
    reason: Mapped[str | None] = mapped_column(info=pii(category="free_text"))
    external_id: Mapped[str | None] = mapped_column(CODE, info=not_pii("number of the return in the source"))
    requested_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    received_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        order_fk(),
        sa.Index("order_return_state_idx", "merchant_id", "state", "order_id"),
        sa.CheckConstraint(sa.column("state").in_(RETURN_STATES), name="state"),
        partitioned_by("order_id"),
    )


class OrderReturnLine(OfOrder, Base):
    """How many units of a line come back, and what became of them."""

    __tablename__ = "order_return_line"

    return_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    line_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    quantity: Mapped[int] = mapped_column(info=CONTENT)
    restocked_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)
    written_off_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)

    __table_args__ = (
        order_fk(),
        sa.CheckConstraint(
            "quantity > 0 AND restocked_quantity >= 0 AND written_off_quantity >= 0"
            " AND restocked_quantity + written_off_quantity <= quantity",
            name="quantity",
        ),
        partitioned_by("order_id"),
    )
