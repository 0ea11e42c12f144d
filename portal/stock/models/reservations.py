"""Units kept for someone who has not ordered yet, the variants that thousands want at once, and how long we keep."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant, TimeKey, Timestamped, Versioned, tenant_fk
from portal.stock.models.levels import STOCK

RESERVATION_HOLDERS = ("basket", "draft", "payment", "exchange")
RESERVATION_STATES = ("held", "used", "released", "expired")
ALLOCATION_MOMENTS = ("placement", "payment")


class StockReservation(Tenant, TimeKey, Base):
    """Units kept until a moment, for a basket, a draft, a payment or an exchange.

    ``key`` is the holder's own: while it holds, the same key is the same reservation. An ended one stays for a while,
    so that a movement can say what it came from.
    """

    __tablename__ = "stock_reservation"

    key: Mapped[str] = mapped_column(sa.Text(collation="C"), info=not_pii("number of a basket or an order"))
    holder: Mapped[str] = mapped_column(info=not_pii("kind of holder"))
    holder_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    channel_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    state: Mapped[str] = mapped_column(default="held", server_default="held", info=not_pii("state"))
    unit_count: Mapped[int] = mapped_column(info=STOCK)
    expires_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    ended_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    __table_args__ = (
        sa.Index(
            "stock_reservation_held_key",
            "merchant_id",
            "key",
            unique=True,
            postgresql_where=sa.text("state = 'held'"),
        ),
        sa.Index(
            "stock_reservation_expires_at_idx", "expires_at", postgresql_where=sa.text("state = 'held'")
        ),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.CheckConstraint(sa.column("holder").in_(RESERVATION_HOLDERS), name="holder"),
        sa.CheckConstraint(sa.column("state").in_(RESERVATION_STATES), name="state"),
        sa.CheckConstraint("(state = 'held') = (ended_at IS NULL)", name="ended"),
    )


class StockReservationLine(Tenant, Base):
    """So many units of one level that a reservation keeps."""

    __tablename__ = "stock_reservation_line"

    reservation_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, sort_order=-90, info=not_pii("key")
    )
    n: Mapped[int] = mapped_column(
        sa.Integer, primary_key=True, autoincrement=False, sort_order=-80, info=not_pii("key")
    )
    # No foreign key to the variant: thousands of buyers would all lock its one row to have it checked.
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    slot: Mapped[int] = mapped_column(sa.SmallInteger, default=0, server_default="0", info=STOCK)
    quantity: Mapped[int] = mapped_column(info=STOCK)

    __table_args__ = (
        tenant_fk("stock_reservation", "reservation_id", ondelete="CASCADE"),
        sa.Index(None, "merchant_id", "variant_id", "reservation_id"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
    )


class HotVariant(Tenant, Timestamped, Base):
    """A variant whose levels are spread over slots, so that its buyers do not wait for each other."""

    __tablename__ = "hot_variant"

    variant_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    slots: Mapped[int] = mapped_column(sa.SmallInteger, info=STOCK)
    is_automatic: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), info=not_pii("state")
    )
    wanted_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))

    __table_args__ = (
        tenant_fk("variant", "variant_id", ondelete="CASCADE"),
        sa.Index("hot_variant_wanted_at_idx", "wanted_at"),
        sa.CheckConstraint("slots BETWEEN 2 AND 64", name="slots"),
    )


class PromiseSetting(Tenant, Versioned, Timestamped, Base):
    """When a merchant promises units to an order, and how long units wait for a basket or a payment."""

    __tablename__ = "promise_setting"

    allocate_on: Mapped[str] = mapped_column(
        default="placement", server_default="placement", info=not_pii("setting")
    )
    basket_minutes: Mapped[int] = mapped_column(default=15, server_default="15", info=not_pii("setting"))
    payment_minutes: Mapped[int] = mapped_column(default=60, server_default="60", info=not_pii("setting"))
    heats_by_itself: Mapped[bool] = mapped_column(
        default=True, server_default=sa.true(), info=not_pii("setting")
    )
    hot_slots: Mapped[int] = mapped_column(
        sa.SmallInteger, default=8, server_default="8", info=not_pii("setting")
    )

    __table_args__ = (
        sa.CheckConstraint(sa.column("allocate_on").in_(ALLOCATION_MOMENTS), name="allocate_on"),
        sa.CheckConstraint(
            "basket_minutes BETWEEN 1 AND 10080 AND payment_minutes BETWEEN 1 AND 43200", name="minutes"
        ),
        sa.CheckConstraint("hot_slots BETWEEN 2 AND 64", name="hot_slots"),
    )
