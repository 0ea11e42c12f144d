"""Credit a customer has with the shop: a balance per currency, and every entry that made it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant, TimeKey, tenant_fk

ENTRY_KINDS = ("given", "refunded", "spent", "returned", "corrected")


class StoreCredit(Tenant, Base):
    """What a customer has left in one currency; never below zero."""

    __tablename__ = "store_credit"
    __subject_path__ = "customer_id -> customer"

    customer_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    currency: Mapped[str] = mapped_column(sa.CHAR(3), primary_key=True, info=not_pii("money"))
    balance: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=not_pii("money"))

    __table_args__ = (
        tenant_fk("customer", "customer_id"),
        sa.CheckConstraint("balance >= 0", name="balance"),
        sa.CheckConstraint("fits_minor_units(balance, currency)", name="minor_units"),
    )


class StoreCreditEntry(Tenant, TimeKey, Base):
    """One change of a balance, positive when it grew. Append-only."""

    __tablename__ = "store_credit_entry"
    __append_only__ = True
    __subject_path__ = "customer_id -> customer"

    customer_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=not_pii("money"))
    amount: Mapped[Decimal] = mapped_column(info=not_pii("money"))
    balance_after: Mapped[Decimal] = mapped_column(info=not_pii("money"))
    kind: Mapped[str] = mapped_column(info=not_pii("state"))
    order_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    reason: Mapped[str | None] = mapped_column(info=not_pii("a reason of a list"))
    token: Mapped[str | None] = mapped_column(info=not_pii("random: the same form counts once"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id", "currency"],
            ["store_credit.merchant_id", "store_credit.customer_id", "store_credit.currency"],
        ),
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        sa.UniqueConstraint("merchant_id", "token"),
        sa.Index(None, "merchant_id", "customer_id", "currency", "id"),
        sa.Index(None, "merchant_id", "order_id"),
        sa.CheckConstraint(sa.column("kind").in_(ENTRY_KINDS), name="kind"),
        sa.CheckConstraint("amount <> 0 AND balance_after >= 0", name="amount"),
    )
