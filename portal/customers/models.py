"""The merchant's customers, their addresses and what they agreed to."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import (
    IdentityKey,
    Tenant,
    TimeKey,
    Timestamped,
    Versioned,
    tenant_fk,
)

CODE = sa.Text(collation="C")
CONSENT_CHANNELS = ("email", "sms", "phone", "post")
CONSENT_STATES = ("granted", "withdrawn")


class Customer(Tenant, TimeKey, Versioned, Timestamped, Base):
    """A person or company that bought, with or without an account. The ``*_key`` columns are normalised for search."""

    __tablename__ = "customer"
    __subject_path__ = "subject_id"
    __after_erasure__: ClassVar = {"state": "erased"}

    subject_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    external_id: Mapped[str | None] = mapped_column(CODE, info=pii(category="identifier"))
    name: Mapped[str | None] = mapped_column(info=pii(category="name"))
    name_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="name"))
    company: Mapped[str | None] = mapped_column(info=pii(category="name"))
    email: Mapped[str | None] = mapped_column(info=pii(category="email"))
    email_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="email"))
    phone: Mapped[str | None] = mapped_column(info=pii(category="phone"))
    phone_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="phone"))
    phone_tail: Mapped[str | None] = mapped_column(CODE, info=pii(category="phone"))
    locale: Mapped[str | None] = mapped_column(info=not_pii("language"))
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=not_pii("country alone names nobody"))
    tags: Mapped[list[Any]] = mapped_column(
        JSONB, default=list, server_default="[]", info=pii(category="behaviour")
    )
    note: Mapped[str | None] = mapped_column(info=pii(category="free_text"))
    source: Mapped[str] = mapped_column(
        default="portal", server_default="portal", info=not_pii("how it came here")
    )
    state: Mapped[str] = mapped_column(default="active", server_default="active", info=not_pii("state"))
    order_count: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    last_order_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    addresses: Mapped[list[CustomerAddress]] = relationship(
        order_by="CustomerAddress.id", cascade="all, delete-orphan"
    )

    __table_args__ = (
        tenant_fk("data_subject", "subject_id"),
        sa.UniqueConstraint("merchant_id", "subject_id"),
        sa.UniqueConstraint("merchant_id", "external_id"),
        sa.Index(None, "merchant_id", "email_key", "id"),
        sa.Index(None, "merchant_id", "phone_key", "id"),
        sa.Index(None, "merchant_id", "phone_tail", "id"),
        sa.Index(None, "merchant_id", "name_key", "id"),
        sa.Index(None, "merchant_id", "last_order_at", "id"),
        sa.Index(None, "merchant_id", "country_code", "id"),
        sa.CheckConstraint(sa.column("state").in_(("active", "erased", "merged")), name="state"),
    )


class CustomerAddress(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """An address of a customer."""

    __tablename__ = "customer_address"
    __subject_path__ = "customer_id -> customer"

    customer_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    name: Mapped[str | None] = mapped_column(info=pii(category="name"))
    company: Mapped[str | None] = mapped_column(info=pii(category="name"))
    line1: Mapped[str | None] = mapped_column(info=pii(category="address"))
    line2: Mapped[str | None] = mapped_column(info=pii(category="address"))
    city: Mapped[str | None] = mapped_column(info=pii(category="address"))
    region: Mapped[str | None] = mapped_column(info=pii(category="address"))
    postcode: Mapped[str | None] = mapped_column(info=pii(category="address", strategy="truncate_postcode"))
    postcode_key: Mapped[str | None] = mapped_column(CODE, info=pii(category="address"))
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=not_pii("country alone names nobody"))
    phone: Mapped[str | None] = mapped_column(info=pii(category="phone"))
    is_default: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=not_pii("state"))

    __table_args__ = (
        tenant_fk("customer", "customer_id", ondelete="CASCADE"),
        sa.Index(None, "merchant_id", "customer_id"),
        sa.Index(None, "merchant_id", "postcode_key", "customer_id"),
    )


class Consent(Tenant, IdentityKey, Base):
    """A consent given or withdrawn, with its time and source. Append-only; the newest row counts."""

    __tablename__ = "consent"
    __append_only__ = True
    __subject_path__ = "customer_id -> customer"

    customer_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    channel: Mapped[str] = mapped_column(info=not_pii("kind of consent"))
    state: Mapped[str] = mapped_column(info=not_pii("state"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    source: Mapped[str] = mapped_column(info=not_pii("where it was given: checkout, portal, import"))
    wording: Mapped[str | None] = mapped_column(info=not_pii("the text agreed to"))

    __table_args__ = (
        tenant_fk("customer", "customer_id", ondelete="CASCADE"),
        sa.Index(None, "merchant_id", "customer_id", "channel", "id"),
        sa.CheckConstraint(sa.column("channel").in_(CONSENT_CHANNELS), name="channel"),
        sa.CheckConstraint(sa.column("state").in_(CONSENT_STATES), name="state"),
    )
