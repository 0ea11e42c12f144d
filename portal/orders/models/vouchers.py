"""Vouchers, where they were used, and what was taken off an order as a whole."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, partitioned_by, tenant_fk
from portal.orders.models.parts import CODE, CONTENT, KEY, MONEY, STATE, TIME, Numbered, order_fk

VOUCHER_KINDS = ("percent", "amount", "free_shipping")
DISCOUNT_SOURCES = ("voucher", "staff")


class Voucher(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A code that takes something off. ``used_count`` never passes ``usage_limit``: the database sees to it."""

    __tablename__ = "voucher"

    code: Mapped[str] = mapped_column(info=CONTENT)
    code_key: Mapped[str] = mapped_column(CODE, info=not_pii("the code, folded for look-up"))
    kind: Mapped[str] = mapped_column(info=STATE)
    percent: Mapped[Decimal | None] = mapped_column(sa.Numeric(7, 4), info=MONEY)
    amount: Mapped[Decimal | None] = mapped_column(info=MONEY)
    currency: Mapped[str | None] = mapped_column(sa.CHAR(3), info=MONEY)
    minimum: Mapped[Decimal | None] = mapped_column(info=MONEY)
    starts_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    ends_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    usage_limit: Mapped[int | None] = mapped_column(info=not_pii("count"))
    used_count: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "code_key"),
        sa.CheckConstraint(sa.column("kind").in_(VOUCHER_KINDS), name="kind"),
        sa.CheckConstraint(
            "(kind = 'percent') = (percent IS NOT NULL) AND (kind = 'amount') = (amount IS NOT NULL)",
            name="worth",
        ),
        sa.CheckConstraint("percent > 0 AND percent <= 100", name="percent"),
        sa.CheckConstraint("amount > 0 AND minimum >= 0", name="amount"),
        sa.CheckConstraint("(amount IS NULL AND minimum IS NULL) OR currency IS NOT NULL", name="currency"),
        sa.CheckConstraint("usage_limit > 0 AND used_count <= usage_limit", name="usage_limit"),
        sa.CheckConstraint("used_count >= 0", name="used"),
        sa.CheckConstraint("ends_at > starts_at", name="validity"),
    )


class VoucherUse(Tenant, Base):
    """A voucher was used on an order. Given back when the order is cancelled."""

    __tablename__ = "voucher_use"
    __subject_path__ = "order_id -> order_ref"

    voucher_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, sort_order=-90, info=KEY
    )
    order_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, sort_order=-80, info=KEY
    )
    amount: Mapped[Decimal] = mapped_column(info=MONEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    returned_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        tenant_fk("voucher", "voucher_id"),
        order_fk(),
        sa.Index(None, "merchant_id", "order_id"),
        sa.Index(None, "merchant_id", "voucher_id", "at"),
    )


class OrderDiscount(Numbered, Base):
    """What was taken off the whole order. Its shares stand in the lines (``shared_discount``) and charges (``discount``)."""

    __tablename__ = "order_discount"

    source: Mapped[str] = mapped_column(info=STATE)
    label: Mapped[str] = mapped_column(info=CONTENT)
    voucher_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    applies_to: Mapped[str] = mapped_column(default="goods", server_default="goods", info=STATE)
    percent: Mapped[Decimal | None] = mapped_column(sa.Numeric(7, 4), info=MONEY)
    asked_amount: Mapped[Decimal | None] = mapped_column(info=MONEY)
    amount: Mapped[Decimal] = mapped_column(info=MONEY)
    reason: Mapped[str | None] = mapped_column(info=pii(category="free_text"))

    __table_args__ = (
        order_fk(),
        sa.CheckConstraint(sa.column("source").in_(DISCOUNT_SOURCES), name="source"),
        sa.CheckConstraint(sa.column("applies_to").in_(("goods", "shipping")), name="applies_to"),
        sa.CheckConstraint("(percent IS NULL) <> (asked_amount IS NULL)", name="worth"),
        sa.CheckConstraint("amount >= 0", name="amount"),
        partitioned_by("order_id"),
    )
