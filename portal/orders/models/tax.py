"""What the merchant charges in tax, where and from which day, and what a foreign currency is worth."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned
from portal.orders.models.parts import CODE, MONEY, STATE

TAX_ROUNDINGS = ("line", "total")
SHIPPING_TAXES = ("own", "proportional")
EU_CONSUMER_TAXES = ("home", "destination")
UNTAXED_PRICES = ("less_tax", "as_shown")

_RULE = not_pii("rule of tax")


class TaxRate(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """What a class of goods is taxed at in a country, or a region of it, from a day on.

    The newest row that has begun and not ended counts. A region's row wins over its country's.
    """

    __tablename__ = "tax_rate"

    country_code: Mapped[str] = mapped_column(sa.CHAR(2), info=_RULE)
    region: Mapped[str] = mapped_column(CODE, default="", server_default="", info=_RULE)
    tax_class: Mapped[str] = mapped_column(CODE, info=_RULE)
    name: Mapped[str] = mapped_column(info=_RULE)
    rate: Mapped[Decimal] = mapped_column(sa.Numeric(9, 6), info=_RULE)
    valid_from: Mapped[dt.date] = mapped_column(info=_RULE)
    valid_to: Mapped[dt.date | None] = mapped_column(info=_RULE)
    source: Mapped[str] = mapped_column(default="merchant", server_default="merchant", info=_RULE)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "country_code", "region", "tax_class", "valid_from"),
        sa.CheckConstraint("country_code ~ '^[A-Z]{2}$'", name="country_code"),
        sa.CheckConstraint("rate >= 0 AND rate < 10", name="rate"),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="validity"),
    )


class TaxSettings(Tenant, Versioned, Timestamped, Base):
    """How the merchant adds tax up; one row, or none while the defaults hold."""

    __tablename__ = "tax_settings"

    rounding: Mapped[str] = mapped_column(default="line", server_default="line", info=STATE)
    shipping_tax: Mapped[str] = mapped_column(default="own", server_default="own", info=STATE)
    shipping_class: Mapped[str] = mapped_column(
        CODE, default="standard", server_default="standard", info=_RULE
    )
    eu_consumers: Mapped[str] = mapped_column(default="home", server_default="home", info=STATE)
    is_reverse_charge: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=STATE)
    untaxed_prices: Mapped[str] = mapped_column(default="less_tax", server_default="less_tax", info=STATE)

    __table_args__ = (
        sa.CheckConstraint(sa.column("rounding").in_(TAX_ROUNDINGS), name="rounding"),
        sa.CheckConstraint(sa.column("shipping_tax").in_(SHIPPING_TAXES), name="shipping_tax"),
        sa.CheckConstraint(sa.column("eu_consumers").in_(EU_CONSUMER_TAXES), name="eu_consumers"),
        sa.CheckConstraint(sa.column("untaxed_prices").in_(UNTAXED_PRICES), name="untaxed_prices"),
    )


class ExchangeRate(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """One unit of *currency* in the merchant's own currency, from a day on."""

    __tablename__ = "exchange_rate"

    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    rate: Mapped[Decimal] = mapped_column(sa.Numeric(20, 10), info=MONEY)
    valid_from: Mapped[dt.date] = mapped_column(info=not_pii("date"))

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "currency", "valid_from"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),
        sa.CheckConstraint("rate > 0", name="rate"),
    )
