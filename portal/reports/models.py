"""Rollups: what was sold, by the day of the merchant. They are recomputed from the order book, never added to."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant

_KEY = not_pii("key")
_SUM = not_pii("a sum over many orders")


class SalesDay(Tenant, Base):
    """Sales and refunds of one day, by currency, channel and country. An unknown country is an empty text."""

    __tablename__ = "sales_day"

    day: Mapped[dt.date] = mapped_column(primary_key=True, info=_KEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), primary_key=True, info=_KEY)
    channel_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=_KEY)
    country_code: Mapped[str] = mapped_column(sa.Text(collation="C"), primary_key=True, info=_KEY)
    orders: Mapped[int] = mapped_column(info=_SUM)
    units: Mapped[int] = mapped_column(sa.BigInteger, info=_SUM)
    gross: Mapped[Decimal] = mapped_column(info=_SUM)
    tax: Mapped[Decimal] = mapped_column(info=_SUM)
    refunds: Mapped[int] = mapped_column(info=_SUM)
    refunded: Mapped[Decimal] = mapped_column(info=_SUM)


class SalesVariantDay(Tenant, Base):
    """Units and money of one variant on one day. Variant 0 stands for lines whose SKU is not in the catalogue."""

    __tablename__ = "sales_variant_day"

    day: Mapped[dt.date] = mapped_column(primary_key=True, info=_KEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), primary_key=True, info=_KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=_KEY)
    orders: Mapped[int] = mapped_column(info=_SUM)
    units: Mapped[int] = mapped_column(sa.BigInteger, info=_SUM)
    gross: Mapped[Decimal] = mapped_column(info=_SUM)
    refunds: Mapped[int] = mapped_column(info=_SUM)
    refunded: Mapped[Decimal] = mapped_column(info=_SUM)


class RollupState(Tenant, Base):
    """When the rollups of the merchant were last brought up to the order book."""

    __tablename__ = "rollup_state"

    name: Mapped[str] = mapped_column(sa.Text(collation="C"), primary_key=True, info=_KEY)
    refreshed_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
