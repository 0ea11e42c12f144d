"""When to order again, and what was told about it."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, tenant_fk
from portal.stock.models.documents import KEY, STATE, TIME
from portal.stock.models.levels import STOCK

EVERYWHERE = 0


class ReplenishmentRule(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """At ``minimum`` units or fewer of a variant at a location, enough is ordered to have ``maximum``."""

    __tablename__ = "replenishment_rule"

    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    minimum: Mapped[int] = mapped_column(info=STOCK)
    maximum: Mapped[int] = mapped_column(info=STOCK)
    lead_days: Mapped[int | None] = mapped_column(info=STOCK)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "variant_id", "location_id"),
        tenant_fk("variant", "variant_id"),
        tenant_fk("location", "location_id"),
        sa.Index(None, "merchant_id", "location_id", "id"),
        sa.CheckConstraint("minimum >= 0 AND maximum > minimum", name="units"),
        sa.CheckConstraint("lead_days BETWEEN 0 AND 730", name="lead_days"),
    )


class LowStockNotice(Tenant, IdentityKey, Base):
    """A variant ran low. One stands open per variant and location until the stock is back above its threshold.

    Location 0 stands for all locations together, the threshold on the variant itself.
    """

    __tablename__ = "low_stock_notice"

    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    minimum: Mapped[int] = mapped_column(info=STOCK)
    available: Mapped[int] = mapped_column(info=STOCK)
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    mailed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    cleared_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        tenant_fk("variant", "variant_id"),
        sa.Index(
            "low_stock_notice_open_idx",
            "merchant_id",
            "variant_id",
            "location_id",
            unique=True,
            postgresql_where=sa.text("cleared_at IS NULL"),
        ),
        sa.Index(
            "low_stock_notice_unmailed_idx",
            "merchant_id",
            "id",
            postgresql_where=sa.text("mailed_at IS NULL AND cleared_at IS NULL"),
        ),
    )


class ReplenishmentSetting(Tenant, Versioned, Base):
    """Who is written to when stock runs low. One row per merchant; without it nobody is."""

    __tablename__ = "replenishment_setting"

    notify_email: Mapped[str | None] = mapped_column(
        info=pii(
            category="email",
            strategy="staff",
            basis="legitimate_interest",
            purpose="tell the merchant's own people that stock runs low",
            retention="until changed",
        )
    )
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)
