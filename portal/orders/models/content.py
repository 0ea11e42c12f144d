"""What was ordered, what was charged besides, and for whom."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import partitioned_by, tenant_fk
from portal.orders.models.allocations import PROMISE_STATES
from portal.orders.models.parts import (
    CODE,
    CONTENT,
    KEY,
    MONEY,
    STATE,
    Numbered,
    order_fk,
)

CHARGE_KINDS = ("shipping", "fee", "discount", "adjustment", "gift", "donation")
CONTACT_KINDS = ("buyer", "shipping", "billing")


class OrderLine(Numbered, Base):
    """So many units of a variant at a price. A credited quantity of an imported credit note is negative."""

    __tablename__ = "order_line"

    variant_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    sku: Mapped[str] = mapped_column(CODE, info=CONTENT)
    title: Mapped[str] = mapped_column(info=CONTENT)
    quantity: Mapped[int] = mapped_column(info=CONTENT)
    unit_price: Mapped[Decimal] = mapped_column(sa.Numeric(20, 6), info=MONEY)
    discount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    tax_rate: Mapped[Decimal] = mapped_column(
        sa.Numeric(9, 6), default=Decimal(0), server_default="0", info=MONEY
    )
    tax_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    tax_class: Mapped[str | None] = mapped_column(CODE, info=CONTENT)
    list_price: Mapped[Decimal | None] = mapped_column(
        sa.Numeric(20, 6), info=not_pii("price of the catalogue, when staff asked another")
    )
    shared_discount: Mapped[Decimal] = mapped_column(
        default=Decimal(0),
        server_default="0",
        info=not_pii("share of discount that the order's discounts made"),
    )
    line_total: Mapped[Decimal] = mapped_column(info=MONEY)
    location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    allocated_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)
    # What holds for the units that are not allocated: nothing to promise, waiting for payment, or for goods.
    promise_state: Mapped[str] = mapped_column(default="none", server_default="none", info=STATE)
    cancelled_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)
    fulfilled_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)
    returned_quantity: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)
    credited_quantity: Mapped[int] = mapped_column(
        default=0, server_default="0", info=not_pii("units that left and are not charged any more")
    )
    credited_amount: Mapped[Decimal] = mapped_column(
        default=Decimal(0), server_default="0", info=not_pii("money taken off line_total by changes")
    )
    credited_tax: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)

    __table_args__ = (
        order_fk(),
        tenant_fk("variant", "variant_id"),
        sa.Index(None, "merchant_id", "variant_id", "order_id"),
        sa.Index(
            "order_line_waiting_idx",
            "merchant_id",
            "variant_id",
            "order_id",
            postgresql_where=sa.text("promise_state IN ('backordered', 'preordered', 'short')"),
        ),
        sa.CheckConstraint("quantity <> 0", name="quantity"),
        sa.CheckConstraint(sa.column("promise_state").in_(PROMISE_STATES), name="promise_state"),
        sa.CheckConstraint(
            "allocated_quantity >= 0 AND fulfilled_quantity >= 0 AND returned_quantity >= 0"
            " AND cancelled_quantity >= 0",
            name="counters",
        ),
        sa.CheckConstraint(
            "quantity < 0 OR (cancelled_quantity + fulfilled_quantity <= quantity"
            " AND returned_quantity <= fulfilled_quantity AND credited_quantity BETWEEN 0 AND fulfilled_quantity)",
            name="within",
        ),
        sa.CheckConstraint(
            "credited_amount BETWEEN least(line_total, 0) AND greatest(line_total, 0)", name="credited"
        ),
        partitioned_by("order_id"),
    )


class OrderCharge(Numbered, Base):
    """Money of an order that is no product: shipping, fees, discounts, adjustments."""

    __tablename__ = "order_charge"

    kind: Mapped[str] = mapped_column(info=STATE)
    label: Mapped[str] = mapped_column(info=CONTENT)
    amount: Mapped[Decimal] = mapped_column(info=MONEY)
    discount: Mapped[Decimal] = mapped_column(
        default=Decimal(0), server_default="0", info=not_pii("what was taken off before amount")
    )
    tax_class: Mapped[str | None] = mapped_column(CODE, info=CONTENT)
    tax_rate: Mapped[Decimal] = mapped_column(
        sa.Numeric(9, 6), default=Decimal(0), server_default="0", info=MONEY
    )
    tax_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    # Rate to net and tax, when the charge follows the goods at more than one rate.
    tax_by_rate: Mapped[dict[str, Any] | None] = mapped_column(info=MONEY)
    credited_amount: Mapped[Decimal] = mapped_column(
        default=Decimal(0), server_default="0", info=not_pii("money taken off amount by changes")
    )
    credited_tax: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    source_code: Mapped[str | None] = mapped_column(CODE, info=not_pii("code in the source"))

    __table_args__ = (
        order_fk(),
        sa.CheckConstraint(
            "credited_amount BETWEEN least(amount, 0) AND greatest(amount, 0)", name="credited"
        ),
        sa.CheckConstraint(sa.column("kind").in_(CHARGE_KINDS), name="kind"),
        partitioned_by("order_id"),
    )


class OrderContact(Numbered, Base):
    """Who bought, where it goes, who pays: copied at placement, so a later change of address rewrites no history."""

    __tablename__ = "order_contact"

    kind: Mapped[str] = mapped_column(info=STATE)
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
        order_fk(),
        sa.Index(None, "merchant_id", "email_key", "order_id"),
        sa.Index(None, "merchant_id", "phone_key", "order_id"),
        sa.Index(None, "merchant_id", "phone_tail", "order_id"),
        sa.Index(None, "merchant_id", "name_key", "order_id"),
        sa.Index(None, "merchant_id", "postcode_key", "order_id"),
        sa.CheckConstraint(sa.column("kind").in_(CONTACT_KINDS), name="kind"),
        partitioned_by("order_id"),
    )
