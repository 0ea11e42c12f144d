"""Every movement that made a level what it is."""

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
    Versioned,
    partitioned_by,
)
from portal.stock.models.levels import STOCK

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
    "expected",
    "repaired",
)
UNAVAILABLE_KINDS = ("quarantine", "damaged")


class StockReason(Tenant, IdentityKey, Versioned, Base):
    """Why a person changed stock: damaged, found, stolen. The merchant edits the list."""

    __tablename__ = "stock_reason"

    code: Mapped[str] = mapped_column(sa.Text(collation="C"), info=STOCK)
    label: Mapped[str] = mapped_column(info=STOCK)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=not_pii("state"))

    __table_args__ = (sa.UniqueConstraint("merchant_id", "code"),)


class StockAdjustment(Tenant, Base):
    """A change by hand that was asked for, by the token of the form it came from: the same form counts once."""

    __tablename__ = "stock_adjustment"
    __append_only__ = True

    token: Mapped[uuid.UUID] = mapped_column(primary_key=True, info=not_pii("random"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    act: Mapped[str] = mapped_column(
        default="adjusted", server_default="adjusted", info=not_pii("kind of change")
    )
    delta: Mapped[int] = mapped_column(info=STOCK)


class StockMovement(Tenant, Base):
    """One change of one level. Append-only: the app may insert and read, nothing else.

    The deltas name the counters of ``StockLevel``; a sale moves ``on_hand`` down, an allocation ``allocated`` up.
    The id carries the time it happened, read when the level is held already, so the movements of one level stand in the
    order in which they changed it; imported rows carry their own time. The figures after it are what the level said at
    that moment; imported history has none.
    """

    __tablename__ = "stock_movement"
    __append_only__ = True

    id: Mapped[int] = mapped_column(
        sa.BigInteger,
        server_default=sa.text("new_id(clock_timestamp())"),
        primary_key=True,
        autoincrement=False,
        sort_order=-90,
        info=not_pii("key"),
    )
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    slot: Mapped[int] = mapped_column(sa.SmallInteger, default=0, server_default="0", info=STOCK)
    kind: Mapped[str] = mapped_column(info=STOCK)
    on_hand_delta: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    allocated_delta: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    reserved_delta: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    unavailable_delta: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    incoming_delta: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    unavailable_kind: Mapped[str | None] = mapped_column(info=not_pii("why units may not be sold"))
    on_hand_after: Mapped[int | None] = mapped_column(info=STOCK)
    promised_after: Mapped[int | None] = mapped_column(
        info=not_pii("stock: allocated, reserved and unavailable")
    )
    incoming_after: Mapped[int | None] = mapped_column(info=STOCK)
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
        # Of few movements each: what an order does all day has no place in them.
        sa.Index(
            "stock_movement_reason_idx",
            "merchant_id",
            "reason_id",
            "id",
            postgresql_where=sa.text("reason_id IS NOT NULL"),
        ),
        sa.Index(
            "stock_movement_kind_idx",
            "merchant_id",
            "kind",
            "id",
            postgresql_where=sa.text(
                "kind NOT IN ('received', 'sold', 'reserved', 'released', 'allocated', 'deallocated')"
            ),
        ),
        sa.CheckConstraint(sa.column("kind").in_(MOVEMENT_KINDS), name="kind"),
        sa.CheckConstraint(
            "on_hand_delta <> 0 OR allocated_delta <> 0 OR reserved_delta <> 0 OR unavailable_delta <> 0"
            " OR incoming_delta <> 0",
            name="moves",
        ),
        sa.CheckConstraint(sa.column("unavailable_kind").in_(UNAVAILABLE_KINDS), name="unavailable_kind"),
        sa.CheckConstraint(
            "unavailable_delta = 0 OR unavailable_kind IS NOT NULL", name="unavailable_is_of_a_kind"
        ),
        partitioned_by("id"),
    )
