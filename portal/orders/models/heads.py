"""The head of an order, its reference that outlives it, and where orders come from."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, partitioned_by, tenant_fk
from portal.orders.models.parts import (
    CODE,
    KEY,
    MONEY,
    STATE,
    TIME,
)

CHANNEL_KINDS = ("web", "app", "pos", "marketplace", "phone", "import")
ORDER_STATES = ("open", "on_hold", "closed", "cancelled")
PAYMENT_STATES = ("unpaid", "authorised", "part_paid", "paid", "part_refunded", "refunded")
TAX_TREATMENTS = ("channel", "standard", "reverse_charge", "export", "exempt")
DELIVERIES = ("ship", "collect", "hand_over")
FULFILMENT_STATES = ("unfulfilled", "part_fulfilled", "fulfilled", "returned", "none")


class SalesChannel(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """Where orders come from: the web shop, the app, a till, a marketplace, the phone, an import."""

    __tablename__ = "sales_channel"

    code: Mapped[str] = mapped_column(CODE, info=not_pii("name of a channel"))
    name: Mapped[str] = mapped_column(info=not_pii("name of a channel"))
    kind: Mapped[str] = mapped_column(info=STATE)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)
    # The last units of a variant that this channel does not offer: another may sell them before its buyer pays.
    safety_buffer: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("stock"))

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "code"),
        sa.CheckConstraint(sa.column("kind").in_(CHANNEL_KINDS), name="kind"),
        sa.CheckConstraint("safety_buffer >= 0", name="safety_buffer"),
    )


class NumberSeries(Tenant, Base):
    """The next order number, handed out in blocks; gaps are allowed."""

    __tablename__ = "number_series"

    kind: Mapped[str] = mapped_column(CODE, primary_key=True, info=STATE)
    next_value: Mapped[int] = mapped_column(
        sa.BigInteger, default=1001, server_default="1001", info=not_pii("counter")
    )


class OrderRef(Tenant, Base):
    """What outlives an order's month: its number, where it came from, whose it is. Written first, never archived."""

    __tablename__ = "order_ref"
    __subject_path__ = "subject_id"

    order_id: Mapped[int] = mapped_column(
        sa.BigInteger,
        primary_key=True,
        autoincrement=False,
        server_default=sa.text("new_id(now())"),
        info=KEY,
    )
    number: Mapped[str] = mapped_column(CODE, info=not_pii("the merchant's number of the order"))
    channel_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    external_id: Mapped[str | None] = mapped_column(CODE, info=not_pii("the channel's number of the order"))
    external_key: Mapped[str | None] = mapped_column(
        CODE, info=not_pii("the channel's number, folded for look-up")
    )
    subject_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    placed_at: Mapped[dt.datetime] = mapped_column(info=TIME)
    state: Mapped[str] = mapped_column(default="live", server_default="live", info=STATE)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "number"),
        sa.UniqueConstraint("merchant_id", "channel_id", "external_id"),
        tenant_fk("sales_channel", "channel_id"),
        tenant_fk("data_subject", "subject_id"),
        sa.Index(None, "merchant_id", "subject_id", "order_id"),
        sa.Index(None, "merchant_id", "external_key"),
        sa.CheckConstraint(sa.column("state").in_(("live", "archived")), name="state"),
    )


class Order(Tenant, Versioned, Base):
    """The head of an order: its states and its money. The currency stands here and on payments only."""

    __tablename__ = "sales_order"
    __subject_path__ = "id -> order_ref"

    id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, sort_order=-90, info=KEY
    )
    number: Mapped[str] = mapped_column(CODE, info=not_pii("the merchant's number of the order"))
    channel_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    customer_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    placed_at: Mapped[dt.datetime] = mapped_column(info=TIME)
    state: Mapped[str] = mapped_column(default="open", server_default="open", info=STATE)
    payment_state: Mapped[str] = mapped_column(default="unpaid", server_default="unpaid", info=STATE)
    fulfilment_state: Mapped[str] = mapped_column(
        default="unfulfilled", server_default="unfulfilled", info=STATE
    )
    hold_reason: Mapped[str | None] = mapped_column(info=not_pii("a reason of a list, or of a connector"))
    due_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time by which it must ship"))
    # How the goods get to the buyer; what is collected or handed over is so at one place.
    delivery: Mapped[str] = mapped_column(default="ship", server_default="ship", info=STATE)
    delivery_location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=not_pii("country alone names nobody"))
    source_country: Mapped[str | None] = mapped_column(info=not_pii("country as the source wrote it"))
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    tax_inclusive: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=MONEY)
    # By whose rules tax was computed and how, so that a change of the order adds up the same way.
    tax_treatment: Mapped[str] = mapped_column(default="channel", server_default="channel", info=STATE)
    tax_rounding: Mapped[str] = mapped_column(default="line", server_default="line", info=STATE)
    shipping_tax: Mapped[str] = mapped_column(default="own", server_default="own", info=STATE)
    items_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    charges_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    discount_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    tax_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    captured_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    refunded_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    credited_total: Mapped[Decimal] = mapped_column(
        default=Decimal(0), server_default="0", info=not_pii("money that changes took off the total")
    )
    credited_tax_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    # What the order costs now, and what the merchant owes the buyer; below zero the buyer still owes.
    due_total: Mapped[Decimal] = mapped_column(
        sa.Computed("total - credited_total", persisted=True), info=MONEY
    )
    credit_total: Mapped[Decimal] = mapped_column(
        sa.Computed("captured_total - refunded_total - (total - credited_total)", persisted=True), info=MONEY
    )
    base_currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    base_rate: Mapped[Decimal] = mapped_column(
        sa.Numeric(20, 10), default=Decimal(1), server_default="1", info=MONEY
    )
    base_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    line_count: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    unit_count: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    import_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    updated_at: Mapped[dt.datetime] = mapped_column(
        server_default=sa.func.now(), onupdate=sa.func.now(), info=TIME
    )

    __table_args__ = (
        tenant_fk("order_ref", "id", target_column="order_id"),
        tenant_fk("sales_channel", "channel_id"),
        tenant_fk("location", "delivery_location_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.Index(None, "merchant_id", "payment_state", "id"),
        sa.Index(None, "merchant_id", "fulfilment_state", "id"),
        sa.Index(None, "merchant_id", "channel_id", "id"),
        sa.Index(None, "merchant_id", "customer_id", "id"),
        sa.Index(None, "merchant_id", "country_code", "id"),
        sa.Index("sales_order_credit_idx", "merchant_id", "id", postgresql_where=sa.text("credit_total > 0")),
        sa.Index("sales_order_due_idx", "merchant_id", "due_at", postgresql_where=sa.text("state = 'open'")),
        sa.Index(
            "sales_order_delivery_idx",
            "merchant_id",
            "delivery_location_id",
            "id",
            postgresql_where=sa.text("delivery_location_id IS NOT NULL"),
        ),
        sa.CheckConstraint(sa.column("delivery").in_(DELIVERIES), name="delivery"),
        sa.CheckConstraint("(delivery = 'ship') = (delivery_location_id IS NULL)", name="delivery_place"),
        sa.CheckConstraint(sa.column("state").in_(ORDER_STATES), name="state"),
        sa.CheckConstraint(sa.column("payment_state").in_(PAYMENT_STATES), name="payment_state"),
        sa.CheckConstraint(sa.column("fulfilment_state").in_(FULFILMENT_STATES), name="fulfilment_state"),
        sa.CheckConstraint(sa.column("tax_treatment").in_(TAX_TREATMENTS), name="tax_treatment"),
        sa.CheckConstraint(
            "tax_rounding IN ('line', 'total') AND shipping_tax IN ('own', 'proportional')", name="tax_rules"
        ),
        sa.CheckConstraint(
            "total = items_total + charges_total - discount_total"
            " + CASE WHEN tax_inclusive THEN 0 ELSE tax_total END",
            name="adds_up",
        ),
        sa.CheckConstraint("refunded_total BETWEEN 0 AND captured_total", name="refunded"),
        sa.CheckConstraint("credited_total BETWEEN least(total, 0) AND greatest(total, 0)", name="credited"),
        sa.CheckConstraint(
            "fits_minor_units(total, currency) AND fits_minor_units(captured_total, currency)"
            " AND fits_minor_units(refunded_total, currency) AND fits_minor_units(credited_total, currency)",
            name="minor_units",
        ),
        partitioned_by("id"),
    )
