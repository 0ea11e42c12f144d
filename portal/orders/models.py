"""Orders and all that belongs to one. Every table here but the first three is partitioned by the order's id."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import (
    IdentityKey,
    Tenant,
    Timestamped,
    Versioned,
    partitioned_by,
    tenant_fk,
)

CODE = sa.Text(collation="C")

CHANNEL_KINDS = ("web", "app", "pos", "marketplace", "phone", "import")
ORDER_STATES = ("open", "on_hold", "closed", "cancelled")
PAYMENT_STATES = ("unpaid", "authorised", "part_paid", "paid", "part_refunded", "refunded")
FULFILMENT_STATES = ("unfulfilled", "part_fulfilled", "fulfilled", "returned", "none")
CHARGE_KINDS = ("shipping", "fee", "discount", "adjustment", "gift", "donation")
CONTACT_KINDS = ("buyer", "shipping", "billing")
PAYMENT_STEPS = ("pending", "authorised", "captured", "failed", "voided")
PARCEL_STATES = ("pending", "picking", "packed", "shipped", "delivered", "cancelled")
RETURN_STATES = ("requested", "approved", "on_the_way", "received", "inspected", "refunded", "rejected")

_KEY = not_pii("key")
_STATE = not_pii("state")
_MONEY = not_pii("money")
_TIME = not_pii("time")
_ORDER = not_pii("order content without the person")
_SUBJECT_OF_ORDER = "order_id -> order_ref"


class SalesChannel(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """Where orders come from: the web shop, the app, a till, a marketplace, the phone, an import."""

    __tablename__ = "sales_channel"

    code: Mapped[str] = mapped_column(CODE, info=not_pii("name of a channel"))
    name: Mapped[str] = mapped_column(info=not_pii("name of a channel"))
    kind: Mapped[str] = mapped_column(info=_STATE)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=_STATE)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "code"),
        sa.CheckConstraint(sa.column("kind").in_(CHANNEL_KINDS), name="kind"),
    )


class NumberSeries(Tenant, Base):
    """The next order number, handed out in blocks; gaps are allowed."""

    __tablename__ = "number_series"

    kind: Mapped[str] = mapped_column(CODE, primary_key=True, info=_STATE)
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
        info=_KEY,
    )
    number: Mapped[str] = mapped_column(CODE, info=not_pii("the merchant's number of the order"))
    channel_id: Mapped[int] = mapped_column(sa.BigInteger, info=_KEY)
    external_id: Mapped[str | None] = mapped_column(CODE, info=not_pii("the channel's number of the order"))
    external_key: Mapped[str | None] = mapped_column(
        CODE, info=not_pii("the channel's number, folded for look-up")
    )
    subject_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=_KEY)
    placed_at: Mapped[dt.datetime] = mapped_column(info=_TIME)
    state: Mapped[str] = mapped_column(default="live", server_default="live", info=_STATE)

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
        sa.BigInteger, primary_key=True, autoincrement=False, sort_order=-90, info=_KEY
    )
    number: Mapped[str] = mapped_column(CODE, info=not_pii("the merchant's number of the order"))
    channel_id: Mapped[int] = mapped_column(sa.BigInteger, info=_KEY)
    customer_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=_KEY)
    placed_at: Mapped[dt.datetime] = mapped_column(info=_TIME)
    state: Mapped[str] = mapped_column(default="open", server_default="open", info=_STATE)
    payment_state: Mapped[str] = mapped_column(default="unpaid", server_default="unpaid", info=_STATE)
    fulfilment_state: Mapped[str] = mapped_column(
        default="unfulfilled", server_default="unfulfilled", info=_STATE
    )
    hold_reason: Mapped[str | None] = mapped_column(info=not_pii("a reason of a list, or of a connector"))
    due_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time by which it must ship"))
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=not_pii("country alone names nobody"))
    source_country: Mapped[str | None] = mapped_column(info=not_pii("country as the source wrote it"))
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=_MONEY)
    tax_inclusive: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=_MONEY)
    items_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    charges_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    discount_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    tax_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    captured_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    refunded_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    base_currency: Mapped[str] = mapped_column(sa.CHAR(3), info=_MONEY)
    base_rate: Mapped[Decimal] = mapped_column(
        sa.Numeric(20, 10), default=Decimal(1), server_default="1", info=_MONEY
    )
    base_total: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    line_count: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    unit_count: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    import_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=_KEY)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=_TIME)
    updated_at: Mapped[dt.datetime] = mapped_column(
        server_default=sa.func.now(), onupdate=sa.func.now(), info=_TIME
    )

    __table_args__ = (
        tenant_fk("order_ref", "id", target_column="order_id"),
        tenant_fk("sales_channel", "channel_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.Index(None, "merchant_id", "payment_state", "id"),
        sa.Index(None, "merchant_id", "fulfilment_state", "id"),
        sa.Index(None, "merchant_id", "channel_id", "id"),
        sa.Index(None, "merchant_id", "customer_id", "id"),
        sa.Index(None, "merchant_id", "country_code", "id"),
        sa.Index("sales_order_due_idx", "merchant_id", "due_at", postgresql_where=sa.text("state = 'open'")),
        sa.CheckConstraint(sa.column("state").in_(ORDER_STATES), name="state"),
        sa.CheckConstraint(sa.column("payment_state").in_(PAYMENT_STATES), name="payment_state"),
        sa.CheckConstraint(sa.column("fulfilment_state").in_(FULFILMENT_STATES), name="fulfilment_state"),
        sa.CheckConstraint(
            "total = items_total + charges_total - discount_total"
            " + CASE WHEN tax_inclusive THEN 0 ELSE tax_total END",
            name="adds_up",
        ),
        sa.CheckConstraint("refunded_total <= captured_total", name="refunded"),
        sa.CheckConstraint(
            "fits_minor_units(total, currency) AND fits_minor_units(captured_total, currency)"
            " AND fits_minor_units(refunded_total, currency)",
            name="minor_units",
        ),
        partitioned_by("id"),
    )


class _OfOrder(Tenant):
    """A row of an order: keyed by the order and a number within it."""

    __subject_path__ = _SUBJECT_OF_ORDER

    order_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, sort_order=-90, info=_KEY
    )


class _Numbered(_OfOrder):
    n: Mapped[int] = mapped_column(
        sa.Integer, primary_key=True, autoincrement=False, sort_order=-80, info=_KEY
    )


def _order_fk() -> sa.ForeignKeyConstraint:
    # To the reference, not to the partitioned head: PostgreSQL plans a check against partitions anew for every row,
    # and a month that leaves would have to be let go by each of its children.
    return tenant_fk("order_ref", "order_id", target_column="order_id")


class OrderLine(_Numbered, Base):
    """So many units of a variant at a price. A credited quantity of an imported credit note is negative."""

    __tablename__ = "order_line"

    variant_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=_KEY)
    sku: Mapped[str] = mapped_column(CODE, info=_ORDER)
    title: Mapped[str] = mapped_column(info=_ORDER)
    quantity: Mapped[int] = mapped_column(info=_ORDER)
    unit_price: Mapped[Decimal] = mapped_column(sa.Numeric(20, 6), info=_MONEY)
    discount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    tax_rate: Mapped[Decimal] = mapped_column(
        sa.Numeric(9, 6), default=Decimal(0), server_default="0", info=_MONEY
    )
    tax_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    line_total: Mapped[Decimal] = mapped_column(info=_MONEY)
    location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=_KEY)
    allocated_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=_ORDER)
    cancelled_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=_ORDER)
    fulfilled_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=_ORDER)
    returned_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=_ORDER)

    __table_args__ = (
        _order_fk(),
        tenant_fk("variant", "variant_id"),
        sa.Index(None, "merchant_id", "variant_id", "order_id"),
        sa.CheckConstraint("quantity <> 0", name="quantity"),
        sa.CheckConstraint(
            "allocated_quantity >= 0 AND fulfilled_quantity >= 0 AND returned_quantity >= 0"
            " AND cancelled_quantity >= 0",
            name="counters",
        ),
        sa.CheckConstraint(
            "quantity < 0 OR (cancelled_quantity + fulfilled_quantity <= quantity"
            " AND returned_quantity <= fulfilled_quantity)",
            name="within",
        ),
        partitioned_by("order_id"),
    )


class OrderCharge(_Numbered, Base):
    """Money of an order that is no product: shipping, fees, discounts, adjustments."""

    __tablename__ = "order_charge"

    kind: Mapped[str] = mapped_column(info=_STATE)
    label: Mapped[str] = mapped_column(info=_ORDER)
    amount: Mapped[Decimal] = mapped_column(info=_MONEY)
    tax_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    source_code: Mapped[str | None] = mapped_column(CODE, info=not_pii("code in the source"))

    __table_args__ = (
        _order_fk(),
        sa.CheckConstraint(sa.column("kind").in_(CHARGE_KINDS), name="kind"),
        partitioned_by("order_id"),
    )


class OrderContact(_Numbered, Base):
    """Who bought, where it goes, who pays: copied at placement, so a later change of address rewrites no history."""

    __tablename__ = "order_contact"

    kind: Mapped[str] = mapped_column(info=_STATE)
    name: Mapped[str | None] = mapped_column(info=pii(category="name"))
    name_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="name"))
    company: Mapped[str | None] = mapped_column(info=pii(category="name"))
    email: Mapped[str | None] = mapped_column(info=pii(category="email"))
    email_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="email"))
    phone: Mapped[str | None] = mapped_column(info=pii(category="phone"))
    phone_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="phone"))
    phone_tail: Mapped[str | None] = mapped_column(CODE, info=pii(category="phone"))
    line1: Mapped[str | None] = mapped_column(info=pii(category="address"))
    line2: Mapped[str | None] = mapped_column(info=pii(category="address"))
    city: Mapped[str | None] = mapped_column(info=pii(category="address"))
    region: Mapped[str | None] = mapped_column(info=pii(category="address"))
    postcode: Mapped[str | None] = mapped_column(info=pii(category="address", strategy="truncate_postcode"))
    postcode_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="address"))
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=not_pii("country alone names nobody"))
    vat_id: Mapped[str | None] = mapped_column(
        info=pii(
            category="identifier",
            strategy="keep",
            basis="legal_obligation",
            purpose="invoices",
            retention="as tax law demands",
        )
    )

    __table_args__ = (
        _order_fk(),
        sa.Index(None, "merchant_id", "email_key", "order_id"),
        sa.Index(None, "merchant_id", "phone_key", "order_id"),
        sa.Index(None, "merchant_id", "phone_tail", "order_id"),
        sa.Index(None, "merchant_id", "name_key", "order_id"),
        sa.Index(None, "merchant_id", "postcode_key", "order_id"),
        sa.CheckConstraint(sa.column("kind").in_(CONTACT_KINDS), name="kind"),
        partitioned_by("order_id"),
    )


class OrderPayment(_Numbered, Base):
    """A payment and how far it got. No card number ever: the gateway's token, brand and last four."""

    __tablename__ = "order_payment"

    state: Mapped[str] = mapped_column(default="pending", server_default="pending", info=_STATE)
    method: Mapped[str] = mapped_column(info=_STATE)
    gateway: Mapped[str] = mapped_column(default="manual", server_default="manual", info=_STATE)
    gateway_reference: Mapped[str | None] = mapped_column(
        CODE,
        info=pii(
            category="identifier",
            strategy="keep",
            basis="legal_obligation",
            purpose="accounting",
            retention="as tax law demands",
        ),
    )
    amount: Mapped[Decimal] = mapped_column(info=_MONEY)
    captured_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=_MONEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=_MONEY)
    card_brand: Mapped[str | None] = mapped_column(info=not_pii("brand alone names nobody"))
    card_last_four: Mapped[str | None] = mapped_column(sa.CHAR(4), info=pii(category="identifier"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=_TIME)

    __table_args__ = (
        _order_fk(),
        sa.Index(None, "merchant_id", "gateway_reference"),
        sa.CheckConstraint(sa.column("state").in_(PAYMENT_STEPS), name="state"),
        sa.CheckConstraint("captured_amount >= 0 AND captured_amount <= amount", name="captured"),
        sa.CheckConstraint(
            "fits_minor_units(amount, currency) AND fits_minor_units(captured_amount, currency)",
            name="minor_units",
        ),
        partitioned_by("order_id"),
    )


class OrderRefund(_Numbered, Base):
    """Money given back, to a payment or as store credit, with its reason."""

    __tablename__ = "order_refund"

    payment_n: Mapped[int | None] = mapped_column(info=_KEY)
    amount: Mapped[Decimal] = mapped_column(info=_MONEY)
    destination: Mapped[str] = mapped_column(default="payment", server_default="payment", info=_STATE)
    reason: Mapped[str | None] = mapped_column(info=pii(category="free_text"))
    external_id: Mapped[str | None] = mapped_column(
        CODE, info=not_pii("number of the credit note in the source")
    )
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=_TIME)

    __table_args__ = (
        _order_fk(),
        sa.Index(None, "merchant_id", "external_id"),
        sa.Index(None, "merchant_id", "at"),
        sa.CheckConstraint("amount >= 0", name="amount"),
        sa.CheckConstraint(
            sa.column("destination").in_(("payment", "store_credit", "outside")), name="destination"
        ),
        partitioned_by("order_id"),
    )


class OrderRefundLine(_OfOrder, Base):
    """How much of a refund is for which line."""

    __tablename__ = "order_refund_line"

    refund_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=_KEY)
    line_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=_KEY)
    quantity: Mapped[int] = mapped_column(info=_ORDER)
    amount: Mapped[Decimal] = mapped_column(info=_MONEY)

    __table_args__ = (_order_fk(), partitioned_by("order_id"))


class OrderFulfilment(_Numbered, Base):
    """A parcel, a hand-over or a collection."""

    __tablename__ = "order_fulfilment"

    state: Mapped[str] = mapped_column(default="pending", server_default="pending", info=_STATE)
    method: Mapped[str] = mapped_column(default="ship", server_default="ship", info=_STATE)
    location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=_KEY)
    carrier: Mapped[str | None] = mapped_column(info=_ORDER)
    tracking_number: Mapped[str | None] = mapped_column(info=pii(category="identifier"))
    tracking_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="identifier"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=_TIME)
    shipped_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    delivered_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)

    __table_args__ = (
        _order_fk(),
        tenant_fk("location", "location_id"),
        sa.Index(None, "merchant_id", "tracking_key", "order_id"),
        sa.Index("order_fulfilment_state_idx", "merchant_id", "state", "order_id"),
        sa.CheckConstraint(sa.column("state").in_(PARCEL_STATES), name="state"),
        sa.CheckConstraint(sa.column("method").in_(("ship", "collect", "hand_over")), name="method"),
        partitioned_by("order_id"),
    )


class OrderFulfilmentLine(_OfOrder, Base):
    """How many units of which line are in which parcel."""

    __tablename__ = "order_fulfilment_line"

    fulfilment_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=_KEY)
    line_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=_KEY)
    quantity: Mapped[int] = mapped_column(info=_ORDER)

    __table_args__ = (
        _order_fk(),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        partitioned_by("order_id"),
    )


class OrderReturn(_Numbered, Base):
    """Goods coming back, from request to refund or refusal."""

    __tablename__ = "order_return"

    state: Mapped[str] = mapped_column(default="requested", server_default="requested", info=_STATE)
    reason: Mapped[str | None] = mapped_column(info=pii(category="free_text"))
    external_id: Mapped[str | None] = mapped_column(CODE, info=not_pii("number of the return in the source"))
    requested_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=_TIME)
    received_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)

    __table_args__ = (
        _order_fk(),
        sa.Index("order_return_state_idx", "merchant_id", "state", "order_id"),
        sa.CheckConstraint(sa.column("state").in_(RETURN_STATES), name="state"),
        partitioned_by("order_id"),
    )


class OrderReturnLine(_OfOrder, Base):
    """How many units of a line come back, and what became of them."""

    __tablename__ = "order_return_line"

    return_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=_KEY)
    line_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=_KEY)
    quantity: Mapped[int] = mapped_column(info=_ORDER)
    restocked_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=_ORDER)
    written_off_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=_ORDER)

    __table_args__ = (
        _order_fk(),
        sa.CheckConstraint(
            "quantity > 0 AND restocked_quantity >= 0 AND written_off_quantity >= 0"
            " AND restocked_quantity + written_off_quantity <= quantity",
            name="quantity",
        ),
        partitioned_by("order_id"),
    )


class _Timed(_OfOrder):
    n: Mapped[int] = mapped_column(
        sa.BigInteger,
        server_default=sa.text("new_id(now())"),
        primary_key=True,
        autoincrement=False,
        sort_order=-80,
        info=_KEY,
    )


class OrderNote(_Timed, Base):
    """What someone wrote on the order, for the team or for the customer."""

    __tablename__ = "order_note"

    body: Mapped[str] = mapped_column(info=pii(category="free_text"))
    is_internal: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=_STATE)
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=_TIME)

    __table_args__ = (_order_fk(), partitioned_by("order_id"))


class OrderTag(_OfOrder, Base):
    """A tag on an order."""

    __tablename__ = "order_tag"

    tag: Mapped[str] = mapped_column(
        CODE, primary_key=True, info=not_pii("a word of the merchant's own list")
    )

    __table_args__ = (
        _order_fk(),
        sa.Index(None, "merchant_id", "tag", "order_id"),
        partitioned_by("order_id"),
    )


class OrderEvent(_Timed, Base):
    """The timeline: every change of state or money, who made it and when. Append-only."""

    __tablename__ = "order_event"
    __append_only__ = True

    kind: Mapped[str] = mapped_column(info=not_pii("kind of event"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=_TIME)
    data: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict, server_default="{}", info=not_pii("ids, amounts and states only")
    )

    __table_args__ = (_order_fk(), partitioned_by("order_id"))
