"""Stock: where units lie, how many, and every movement that made it so."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import (
    IdentityKey,
    Tenant,
    TimeKey,
    Timestamped,
    Versioned,
    partitioned_by,
    tenant_fk,
)

LOCATION_KINDS = ("warehouse", "store", "virtual")
MOVEMENT_KINDS = (
    "opening",
    "history_end",
    "received",
    "sold",
    "returned",
    "adjusted",
    "counted",
    "transferred",
    "written_off",
    "reserved",
    "released",
    "allocated",
    "deallocated",
    "quarantined",
    "unquarantined",
)

_STOCK = not_pii("stock")


class Location(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A place that holds stock: a warehouse, a store."""

    __tablename__ = "location"

    name: Mapped[str] = mapped_column(info=_STOCK)
    code: Mapped[str] = mapped_column(sa.Text(collation="C"), info=_STOCK)
    kind: Mapped[str] = mapped_column(default="warehouse", server_default="warehouse", info=_STOCK)
    address: Mapped[str | None] = mapped_column(info=not_pii("address of a business location"))
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=_STOCK)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=not_pii("state"))
    position: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "code"),
        sa.CheckConstraint(sa.column("kind").in_(LOCATION_KINDS), name="kind"),
    )


class StockLevel(Tenant, Base):
    """The units of a variant at a location. ``slot`` is 0 but for hot variants; readers sum over slots.

    Never written absolutely: every change is a delta beside a movement, in one transaction.
    """

    __tablename__ = "stock_level"

    # Lists page by one number; nothing points at it.
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), sort_order=-80, info=not_pii("key"))
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    location_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    slot: Mapped[int] = mapped_column(
        sa.SmallInteger, primary_key=True, default=0, server_default="0", info=_STOCK
    )
    on_hand: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)
    allocated: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)
    reserved: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)
    unavailable: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)
    incoming: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)
    counted_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    updated_at: Mapped[dt.datetime] = mapped_column(
        server_default=sa.func.now(), onupdate=sa.func.now(), info=not_pii("time")
    )

    __table_args__ = (
        tenant_fk("variant", "variant_id"),
        tenant_fk("location", "location_id"),
        sa.CheckConstraint("on_hand - allocated - reserved - unavailable >= 0", name="available"),
        sa.CheckConstraint(
            "on_hand >= 0 AND allocated >= 0 AND reserved >= 0 AND unavailable >= 0 AND incoming >= 0",
            name="counters",
        ),
        sa.UniqueConstraint("merchant_id", "id"),
        sa.Index(None, "merchant_id", "location_id", "variant_id"),
    )


class StockReason(Tenant, IdentityKey, Versioned, Base):
    """Why a person changed stock: damaged, found, stolen. The merchant edits the list."""

    __tablename__ = "stock_reason"

    code: Mapped[str] = mapped_column(sa.Text(collation="C"), info=_STOCK)
    label: Mapped[str] = mapped_column(info=_STOCK)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=not_pii("state"))

    __table_args__ = (sa.UniqueConstraint("merchant_id", "code"),)


class StockAdjustment(Tenant, Base):
    """An adjustment that was asked for, by the token of the form it came from: the same form counts once."""

    __tablename__ = "stock_adjustment"
    __append_only__ = True

    token: Mapped[uuid.UUID] = mapped_column(primary_key=True, info=not_pii("random"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    delta: Mapped[int] = mapped_column(info=_STOCK)


class StockMovement(Tenant, TimeKey, Base):
    """One change of one level. Append-only: the app may insert and read, nothing else.

    The deltas name the counters of ``StockLevel``; a sale moves ``on_hand`` down, an allocation ``allocated`` up.
    The id carries the time it happened; imported rows carry their own.
    """

    __tablename__ = "stock_movement"
    __append_only__ = True

    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    slot: Mapped[int] = mapped_column(sa.SmallInteger, default=0, server_default="0", info=_STOCK)
    kind: Mapped[str] = mapped_column(info=_STOCK)
    on_hand_delta: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)
    allocated_delta: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)
    reserved_delta: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)
    unavailable_delta: Mapped[int] = mapped_column(default=0, server_default="0", info=_STOCK)
    cause_kind: Mapped[str] = mapped_column(info=not_pii("what caused it: order, import, person"))
    cause_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    reason_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    unit_cost: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=not_pii("money"))
    note: Mapped[str | None] = mapped_column(
        info=pii(
            category="free_text",
            strategy="staff",
            basis="legitimate_interest",
            purpose="explain a stock change",
            retention="with the ledger",
        )
    )

    __table_args__ = (
        sa.Index(None, "merchant_id", "variant_id", "location_id", "id"),
        sa.Index("stock_movement_cause_idx", "merchant_id", "cause_kind", "cause_id"),
        sa.CheckConstraint(sa.column("kind").in_(MOVEMENT_KINDS), name="kind"),
        sa.CheckConstraint(
            "on_hand_delta <> 0 OR allocated_delta <> 0 OR reserved_delta <> 0 OR unavailable_delta <> 0",
            name="moves",
        ),
        partitioned_by("id"),
    )
