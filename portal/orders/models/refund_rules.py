"""Who may give back how much: the merchant's rules, the limits of roles, and what each person gave back today."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant, Timestamped, Versioned, tenant_fk

_SETTING = not_pii("setting of the merchant")


class RefundPolicy(Tenant, Versioned, Timestamped, Base):
    """The merchant's rules for giving money back; one row, defaults without it. Amounts in the base currency."""

    __tablename__ = "refund_policy"

    second_approver_above: Mapped[Decimal | None] = mapped_column(info=_SETTING)
    standard_delivery: Mapped[Decimal | None] = mapped_column(info=_SETTING)
    withdrawal_days: Mapped[int] = mapped_column(default=14, server_default="14", info=_SETTING)
    refund_days: Mapped[int] = mapped_column(default=14, server_default="14", info=_SETTING)

    __table_args__ = (
        sa.CheckConstraint("second_approver_above >= 0 AND standard_delivery >= 0", name="amounts"),
        sa.CheckConstraint("withdrawal_days BETWEEN 0 AND 366 AND refund_days BETWEEN 1 AND 90", name="days"),
    )


class RefundLimit(Tenant, Base):
    """How much each person of a role may give back at once and in a day, in the base currency; None is without limit."""

    __tablename__ = "refund_limit"

    role_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    at_once: Mapped[Decimal | None] = mapped_column(info=_SETTING)
    per_day: Mapped[Decimal | None] = mapped_column(info=_SETTING)

    __table_args__ = (
        tenant_fk("role", "role_id", ondelete="CASCADE"),
        sa.CheckConstraint("at_once >= 0 AND per_day >= 0", name="amounts"),
    )


class RefundDay(Tenant, Base):
    """What one person gave back on one day, in the base currency: the row that two refunds at once queue for."""

    __tablename__ = "refund_day"

    user_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key of a user of the portal")
    )
    day: Mapped[dt.date] = mapped_column(primary_key=True, info=not_pii("day"))
    amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=not_pii("money"))

    __table_args__ = (sa.CheckConstraint("amount >= 0", name="amount"),)
