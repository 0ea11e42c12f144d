"""Why an order waits: holds with what releases them, and units that are missing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import partitioned_by, tenant_fk
from portal.orders.models.parts import CODE, CONTENT, KEY, MONEY, STATE, TIME, OfOrder, Timed, order_fk

HOLD_RULES = ("by_hand", "on_date", "when_paid", "when_in_stock")
SHORTFALL_STATES = ("open", "solved", "withdrawn")
WAYS_OUT = ("other_location", "substitute", "back_order", "cancelled", "promised", "by_itself")


class OrderHold(Timed, Base):
    """A reason to keep the order back, and what ends it. The order waits until its last hold has ended."""

    __tablename__ = "order_hold"

    reason: Mapped[str] = mapped_column(info=not_pii("a reason of a list, or of a connector"))
    rule: Mapped[str] = mapped_column(default="by_hand", server_default="by_hand", info=STATE)
    until: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time at which it ends by itself"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    ended_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    ended_by_kind: Mapped[str | None] = mapped_column(info=not_pii("who: user, job, channel, system"))
    ended_by_id: Mapped[int | None] = mapped_column(
        sa.BigInteger, info=not_pii("key of a user of the portal")
    )

    __table_args__ = (
        order_fk(),
        sa.Index(
            "order_hold_standing_idx",
            "merchant_id",
            "rule",
            "until",
            "order_id",
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.CheckConstraint(sa.column("rule").in_(HOLD_RULES), name="rule"),
        sa.CheckConstraint("(rule = 'on_date') = (until IS NOT NULL)", name="until"),
        partitioned_by("order_id"),
    )


class OrderShortfall(Timed, Base):
    """Units of a line that cannot be sent as things stand, until someone takes a way out."""

    __tablename__ = "order_shortfall"

    line_n: Mapped[int] = mapped_column(info=KEY)
    variant_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    sku: Mapped[str] = mapped_column(CODE, info=CONTENT)
    units: Mapped[int] = mapped_column(info=CONTENT)
    value: Mapped[Decimal] = mapped_column(info=MONEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    cause: Mapped[str] = mapped_column(info=not_pii("what found the lack: allocation, count, pick, channel"))
    state: Mapped[str] = mapped_column(default="open", server_default="open", info=STATE)
    way_out: Mapped[str | None] = mapped_column(info=STATE)
    opened_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    told_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time at which the customer was told"))
    closed_by_kind: Mapped[str | None] = mapped_column(info=not_pii("who: user, job, channel, system"))
    closed_by_id: Mapped[int | None] = mapped_column(
        sa.BigInteger, info=not_pii("key of a user of the portal")
    )

    __table_args__ = (
        order_fk(),
        tenant_fk("variant", "variant_id"),
        sa.Index("order_shortfall_state_idx", "merchant_id", "state", "n"),
        sa.Index(
            "order_shortfall_open_idx",
            "merchant_id",
            "order_id",
            "line_n",
            unique=True,
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(None, "merchant_id", "variant_id", "order_id"),
        sa.CheckConstraint("units > 0", name="units"),
        sa.CheckConstraint(sa.column("state").in_(SHORTFALL_STATES), name="state"),
        sa.CheckConstraint(sa.column("way_out").in_(WAYS_OUT), name="way_out"),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed"),
        partitioned_by("order_id"),
    )


class OrderAssignment(OfOrder, Base):
    """The person who looks after the order."""

    __tablename__ = "order_assignment"

    user_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (
        order_fk(),
        sa.Index(None, "merchant_id", "user_id", "order_id"),
        partitioned_by("order_id"),
    )
