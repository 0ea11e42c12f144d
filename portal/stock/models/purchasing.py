"""Suppliers, what they supply, and what was ordered from them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, tenant_fk
from portal.stock.models.documents import KEY, NOTE, STATE, TIME
from portal.stock.models.levels import STOCK

CODE = sa.Text(collation="C")
PURCHASE_STATES = ("draft", "ordered", "partly_received", "received", "closed", "cancelled")

_PURPOSE = "order goods from the business the person works for"
_RETENTION = "while the business supplies us, or until erasure"


class Supplier(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A business that supplies goods. The person to write to there is a data subject of their own."""

    __tablename__ = "supplier"
    __subject_path__ = "subject_id"

    subject_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    name: Mapped[str] = mapped_column(info=not_pii("name of a business"))
    name_key: Mapped[str] = mapped_column(CODE, info=not_pii("name of a business, folded for search"))
    contact_name: Mapped[str | None] = mapped_column(
        info=pii(category="name", purpose=_PURPOSE, retention=_RETENTION)
    )
    email: Mapped[str | None] = mapped_column(
        info=pii(category="email", purpose=_PURPOSE, retention=_RETENTION)
    )
    email_key: Mapped[str | None] = mapped_column(
        CODE, info=pii(category="email", purpose=_PURPOSE, retention=_RETENTION)
    )
    phone: Mapped[str | None] = mapped_column(
        info=pii(category="phone", purpose=_PURPOSE, retention=_RETENTION)
    )
    phone_key: Mapped[str | None] = mapped_column(
        CODE, info=pii(category="phone", purpose=_PURPOSE, retention=_RETENTION)
    )
    address: Mapped[str | None] = mapped_column(info=not_pii("address of a business"))
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=not_pii("country alone names nobody"))
    locale: Mapped[str] = mapped_column(default="en", server_default="en", info=not_pii("language"))
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=not_pii("money"))
    lead_days: Mapped[int | None] = mapped_column(info=STOCK)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)

    __table_args__ = (
        tenant_fk("data_subject", "subject_id"),
        sa.Index(None, "merchant_id", "subject_id"),
        sa.Index(None, "merchant_id", "name_key", "id"),
        sa.Index(None, "merchant_id", "email_key", "id"),
        sa.CheckConstraint("lead_days BETWEEN 0 AND 730", name="lead_days"),
    )


class SupplierItem(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A variant as one supplier sells it: their code, their price, how many in a pack, and how long it takes."""

    __tablename__ = "supplier_item"

    supplier_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    supplier_sku: Mapped[str | None] = mapped_column(CODE, info=not_pii("catalogue of a supplier"))
    unit_cost: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=not_pii("money"))
    pack_size: Mapped[int] = mapped_column(default=1, server_default="1", info=STOCK)
    minimum_quantity: Mapped[int] = mapped_column(default=1, server_default="1", info=STOCK)
    lead_days: Mapped[int | None] = mapped_column(info=STOCK)
    is_preferred: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=STATE)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "supplier_id", "variant_id"),
        tenant_fk("supplier", "supplier_id"),
        tenant_fk("variant", "variant_id"),
        sa.Index(None, "merchant_id", "variant_id", "supplier_id"),
        sa.Index(
            "supplier_item_preferred_idx",
            "merchant_id",
            "variant_id",
            unique=True,
            postgresql_where=sa.text("is_preferred"),
        ),
        sa.CheckConstraint("unit_cost >= 0", name="cost"),
        sa.CheckConstraint("pack_size >= 1 AND minimum_quantity >= 1", name="quantities"),
        sa.CheckConstraint("lead_days BETWEEN 0 AND 730", name="lead_days"),
    )


class PurchaseOrder(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """An order of ours at a supplier, for one location."""

    __tablename__ = "purchase_order"

    number: Mapped[int] = mapped_column(info=STOCK)
    supplier_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    state: Mapped[str] = mapped_column(default="draft", server_default="draft", info=STATE)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=not_pii("money"))
    reference: Mapped[str | None] = mapped_column(info=not_pii("number the supplier gave the order"))
    expected_on: Mapped[dt.date | None] = mapped_column(info=TIME)
    note: Mapped[str | None] = mapped_column(info=NOTE)
    ordered_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    mailed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "number"),
        tenant_fk("supplier", "supplier_id"),
        tenant_fk("location", "location_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.Index(None, "merchant_id", "supplier_id", "id"),
        sa.Index(None, "merchant_id", "location_id", "id"),
        sa.CheckConstraint(sa.column("state").in_(PURCHASE_STATES), name="state"),
    )

    @property
    def is_open(self) -> bool:
        """Units of it may still be received."""
        return self.state in ("ordered", "partly_received")


class PurchaseOrderLine(Tenant, Base):
    """A variant on a purchase order. ``waived`` units were given up when the order was closed."""

    __tablename__ = "purchase_order_line"

    purchase_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    supplier_sku: Mapped[str | None] = mapped_column(CODE, info=not_pii("catalogue of a supplier"))
    quantity: Mapped[int] = mapped_column(info=STOCK)
    unit_cost: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=not_pii("money"))
    received: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    damaged: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    waived: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)

    __table_args__ = (
        tenant_fk("purchase_order", "purchase_id"),
        tenant_fk("variant", "variant_id"),
        sa.Index(None, "merchant_id", "variant_id", "purchase_id"),
        sa.CheckConstraint("quantity >= 0 AND received >= 0 AND damaged >= 0 AND waived >= 0", name="units"),
        sa.CheckConstraint("unit_cost >= 0", name="cost"),
    )

    @property
    def outstanding(self) -> int:
        """Units that are still to come; an over-receipt leaves none."""
        return max(0, self.quantity - self.received - self.damaged - self.waived)
