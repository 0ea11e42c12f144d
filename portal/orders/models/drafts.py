"""An order being composed by staff. It is no order yet: it has no number, and no report or list of orders knows it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant, TimeKey, Timestamped, Versioned, tenant_fk
from portal.orders.models.heads import DELIVERIES
from portal.orders.models.parts import CODE, CONTENT, KEY, MONEY, STATE, TIME

COMPOSED_STATES = ("draft", "placed", "discarded")


class ComposedOrder(Tenant, TimeKey, Versioned, Timestamped, Base):
    """What staff type while the customer is on the phone: who, where to, what is taken off, how it is sent."""

    __tablename__ = "composed_order"
    __subject_path__ = "subject_id"

    subject_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    customer_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    channel_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    state: Mapped[str] = mapped_column(default="draft", server_default="draft", info=STATE)
    order_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    tax_inclusive: Mapped[bool] = mapped_column(info=MONEY)
    name: Mapped[str | None] = mapped_column(info=pii(category="name"))
    company: Mapped[str | None] = mapped_column(info=pii(category="name"))
    vat_id: Mapped[str | None] = mapped_column(info=pii(category="identifier"))
    email: Mapped[str | None] = mapped_column(info=pii(category="email"))
    phone: Mapped[str | None] = mapped_column(info=pii(category="phone"))
    line1: Mapped[str | None] = mapped_column(info=pii(category="address"))
    line2: Mapped[str | None] = mapped_column(info=pii(category="address"))
    city: Mapped[str | None] = mapped_column(info=pii(category="address"))
    region: Mapped[str | None] = mapped_column(info=pii(category="address"))
    postcode: Mapped[str | None] = mapped_column(info=pii(category="address", strategy="truncate_postcode"))
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=not_pii("country alone names nobody"))
    delivery: Mapped[str] = mapped_column(default="ship", server_default="ship", info=STATE)
    delivery_location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    shipping_label: Mapped[str] = mapped_column(default="Delivery", server_default="Delivery", info=CONTENT)
    shipping_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    voucher_code: Mapped[str | None] = mapped_column(info=CONTENT)
    discount_percent: Mapped[Decimal | None] = mapped_column(sa.Numeric(7, 4), info=MONEY)
    discount_amount: Mapped[Decimal | None] = mapped_column(info=MONEY)
    discount_reason: Mapped[str | None] = mapped_column(info=pii(category="free_text"))
    reserved_until: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    created_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))

    __table_args__ = (
        tenant_fk("sales_channel", "channel_id"),
        tenant_fk("data_subject", "subject_id"),
        tenant_fk("customer", "customer_id"),
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        tenant_fk("location", "delivery_location_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.Index(None, "merchant_id", "subject_id"),
        sa.Index(None, "merchant_id", "customer_id"),
        sa.Index(None, "merchant_id", "order_id"),
        sa.CheckConstraint(sa.column("state").in_(COMPOSED_STATES), name="state"),
        sa.CheckConstraint(sa.column("delivery").in_(DELIVERIES), name="delivery"),
        sa.CheckConstraint("(delivery = 'ship') = (delivery_location_id IS NULL)", name="delivery_place"),
        sa.CheckConstraint("(state = 'placed') = (order_id IS NOT NULL)", name="placed"),
        sa.CheckConstraint("discount_percent IS NULL OR discount_amount IS NULL", name="discount"),
    )


class ComposedOrderLine(Tenant, IdentityKey, Base):
    """Units of a variant; ``list_price`` is the catalogue's when the line was added, ``reason`` why staff ask another."""

    __tablename__ = "composed_order_line"
    __subject_path__ = "draft_id -> composed_order"

    draft_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    sku: Mapped[str] = mapped_column(CODE, info=CONTENT)
    title: Mapped[str] = mapped_column(info=CONTENT)
    tax_class: Mapped[str] = mapped_column(CODE, info=CONTENT)
    is_stocked: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=CONTENT)
    quantity: Mapped[int] = mapped_column(info=CONTENT)
    list_price: Mapped[Decimal] = mapped_column(sa.Numeric(20, 6), info=MONEY)
    unit_price: Mapped[Decimal] = mapped_column(sa.Numeric(20, 6), info=MONEY)
    reason: Mapped[str | None] = mapped_column(info=pii(category="free_text"))

    __table_args__ = (
        tenant_fk("composed_order", "draft_id", ondelete="CASCADE"),
        tenant_fk("variant", "variant_id"),
        sa.UniqueConstraint("merchant_id", "draft_id", "variant_id"),
        sa.Index(None, "merchant_id", "variant_id"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("unit_price >= 0 AND list_price >= 0", name="price"),
        sa.CheckConstraint("unit_price = list_price OR reason IS NOT NULL", name="override"),
    )
