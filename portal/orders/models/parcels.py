"""What leaves, in which parcel, and parcels of several orders that travel as one."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, partitioned_by, tenant_fk
from portal.orders.models.heads import DELIVERIES
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

PARCEL_STATES = (
    "pending", "picking", "packed", "ready", "shipped", "delivered", "collected", "uncollected", "cancelled",
)  # fmt: skip
LABEL_STATES = ("none", "made", "void")
SHIPMENT_STATES = ("open", "dispatched", "undone")


class OrderFulfilment(Numbered, Base):
    """A parcel, a collection in store or a hand-over. Before it leaves, its units are set apart for it."""

    __tablename__ = "order_fulfilment"

    state: Mapped[str] = mapped_column(default="pending", server_default="pending", info=STATE)
    method: Mapped[str] = mapped_column(default="ship", server_default="ship", info=STATE)
    location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    carrier: Mapped[str | None] = mapped_column(info=CONTENT)
    tracking_number: Mapped[str | None] = mapped_column(info=pii(category="identifier"))
    tracking_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="identifier"))
    tracking_url: Mapped[str | None] = mapped_column(info=pii(category="identifier"))
    label_state: Mapped[str] = mapped_column(default="none", server_default="none", info=STATE)
    shipment_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    pick_list_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    pickup_code: Mapped[str | None] = mapped_column(CODE, info=not_pii("random word of one collection"))
    collect_by: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time until which it is kept ready"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    packed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    ready_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    shipped_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    delivered_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        order_fk(),
        tenant_fk("location", "location_id"),
        tenant_fk("combined_shipment", "shipment_id"),
        tenant_fk("pick_list", "pick_list_id"),
        sa.Index(None, "merchant_id", "tracking_key", "order_id"),
        sa.Index("order_fulfilment_state_idx", "merchant_id", "state", "order_id"),
        sa.Index(
            "order_fulfilment_collect_idx",
            "merchant_id",
            "collect_by",
            postgresql_where=sa.text("state = 'ready'"),
        ),
        sa.Index(
            "order_fulfilment_shipment_idx",
            "merchant_id",
            "shipment_id",
            postgresql_where=sa.text("shipment_id IS NOT NULL"),
        ),
        sa.Index(
            "order_fulfilment_pick_list_idx",
            "merchant_id",
            "pick_list_id",
            postgresql_where=sa.text("pick_list_id IS NOT NULL"),
        ),
        sa.CheckConstraint(sa.column("state").in_(PARCEL_STATES), name="state"),
        sa.CheckConstraint(sa.column("method").in_(DELIVERIES), name="method"),
        sa.CheckConstraint(sa.column("label_state").in_(LABEL_STATES), name="label_state"),
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


class CombinedShipment(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """Parcels of several orders of one customer to one address that travel as one. Undone until it is dispatched."""

    __tablename__ = "combined_shipment"

    state: Mapped[str] = mapped_column(default="open", server_default="open", info=STATE)
    location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)

    __table_args__ = (
        tenant_fk("location", "location_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.CheckConstraint(sa.column("state").in_(SHIPMENT_STATES), name="state"),
    )


class FulfilmentSettings(Tenant, Versioned, Base):
    """How the merchant sends, hands out and writes about orders; without a row the defaults hold."""

    __tablename__ = "fulfilment_settings"

    collect_days: Mapped[int] = mapped_column(
        sa.SmallInteger, default=7, server_default="7", info=not_pii("days a collection is kept ready")
    )
    mails_order: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)
    mails_dispatch: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)
    mails_ready: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)
    mails_for_channels: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        info=not_pii("also for orders a shop or marketplace sent us"),
    )

    __table_args__ = (sa.CheckConstraint("collect_days BETWEEN 1 AND 90", name="collect_days"),)
