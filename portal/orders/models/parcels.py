"""What left, in which parcel."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import pii
from portal.core.tenancy import partitioned_by, tenant_fk
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

PARCEL_STATES = ("pending", "picking", "packed", "shipped", "delivered", "cancelled")


class OrderFulfilment(Numbered, Base):
    """A parcel, a hand-over or a collection."""

    __tablename__ = "order_fulfilment"

    state: Mapped[str] = mapped_column(default="pending", server_default="pending", info=STATE)
    method: Mapped[str] = mapped_column(default="ship", server_default="ship", info=STATE)
    location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    carrier: Mapped[str | None] = mapped_column(info=CONTENT)
    tracking_number: Mapped[str | None] = mapped_column(info=pii(category="identifier"))
    tracking_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="identifier"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    shipped_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    delivered_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        order_fk(),
        tenant_fk("location", "location_id"),
        sa.Index(None, "merchant_id", "tracking_key", "order_id"),
        sa.Index("order_fulfilment_state_idx", "merchant_id", "state", "order_id"),
        sa.CheckConstraint(sa.column("state").in_(PARCEL_STATES), name="state"),
        sa.CheckConstraint(sa.column("method").in_(("ship", "collect", "hand_over")), name="method"),
        partitioned_by("order_id"),
    )


class OrderFulfilmentLine(OfOrder, Base):
    """How many units of which line are in which parcel."""

    __tablename__ = "order_fulfilment_line"

    fulfilment_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    line_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    quantity: Mapped[int] = mapped_column(info=CONTENT)

    __table_args__ = (
        order_fk(),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        partitioned_by("order_id"),
    )
