"""Goods that come back."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
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

RETURN_STATES = ("requested", "approved", "on_the_way", "received", "inspected", "refunded", "rejected")
RETURN_KINDS = ("return", "withdrawal", "exchange")


class OrderReturn(Numbered, Base):
    """Goods coming back, from request to refund or refusal. An exchange names the change that promised the new goods."""

    __tablename__ = "order_return"

    kind: Mapped[str] = mapped_column(default="return", server_default="return", info=STATE)
    state: Mapped[str] = mapped_column(default="requested", server_default="requested", info=STATE)
    reason_code: Mapped[str | None] = mapped_column(info=not_pii("a reason of a list"))
    reason: Mapped[str | None] = mapped_column(info=pii(category="free_text"))
    external_id: Mapped[str | None] = mapped_column(CODE, info=not_pii("number of the return in the source"))
    location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    tracking_number: Mapped[str | None] = mapped_column(info=pii(category="identifier"))
    exchange_n: Mapped[int | None] = mapped_column(info=KEY)
    wanted: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, default=list, server_default="[]", info=not_pii("goods of an exchange")
    )
    settled_n: Mapped[int | None] = mapped_column(info=KEY)
    declared_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time of the withdrawal"))
    refund_due_at: Mapped[dt.datetime | None] = mapped_column(
        info=not_pii("time by which money must be back")
    )
    proof_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time the buyer proved having sent it"))
    requested_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    approved_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    shipped_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    received_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    inspected_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    version: Mapped[int] = mapped_column(default=1, server_default="1", info=not_pii("version"))

    __table_args__ = (
        order_fk(),
        tenant_fk("location", "location_id"),
        sa.Index("order_return_state_idx", "merchant_id", "state", "order_id"),
        sa.Index(
            "order_return_clock_idx", "merchant_id", "refund_due_at",
            postgresql_where=sa.text("state NOT IN ('refunded', 'rejected')"),
        ),
        sa.CheckConstraint(sa.column("state").in_(RETURN_STATES), name="state"),
        sa.CheckConstraint(sa.column("kind").in_(RETURN_KINDS), name="kind"),
        partitioned_by("order_id"),
    )  # fmt: skip


class OrderReturnLine(OfOrder, Base):
    """How many units of a line come back, how many came, and what became of them."""

    __tablename__ = "order_return_line"

    return_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    line_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    quantity: Mapped[int] = mapped_column(info=CONTENT)
    received_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)
    restocked_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)
    quarantined_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)
    written_off_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)

    __table_args__ = (
        order_fk(),
        sa.CheckConstraint(
            "quantity > 0 AND restocked_quantity >= 0 AND written_off_quantity >= 0 AND quarantined_quantity >= 0"
            " AND restocked_quantity + written_off_quantity + quarantined_quantity <= received_quantity"
            " AND received_quantity <= quantity",
            name="quantity",
        ),
        partitioned_by("order_id"),
    )
