"""Merchants, the people who work for them, and what those people may do.

A user belongs to the platform, because one person may work for several merchants; what they may do belongs to the
merchant: membership, role and permissions are tenant rows.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import CITEXT, INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Platform, Tenant, Timestamped, Versioned, tenant_fk

ABOUT_STAFF: dict[str, Any] = {
    "strategy": "staff",
    "basis": "contract",
    "purpose": "let staff sign in and show who did what",
    "retention": "while the user has an account",
}
ABOUT_SIGN_IN: dict[str, Any] = {
    "strategy": "staff",
    "basis": "legitimate_interest",
    "purpose": "let a person recognise their own sessions",
    "retention": "30 days after the session ends",
}


class Merchant(Platform, Timestamped, Versioned, Base):
    """A shop keeper: the tenant. Merchant 0 is the platform itself and has no row here."""

    __tablename__ = "merchant"
    __table_args__ = (
        sa.CheckConstraint("id > 0", name="id_positive"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_code"),
        sa.CheckConstraint("state IN ('active', 'closed')", name="state"),
    )

    id: Mapped[int] = mapped_column(
        sa.Integer, sa.Identity(), primary_key=True, sort_order=-90, info=not_pii("key")
    )
    name: Mapped[str] = mapped_column(info=not_pii("name of a business"))
    slug: Mapped[str] = mapped_column(unique=True, info=not_pii("name of a business"))
    country: Mapped[str] = mapped_column(info=not_pii("country code"))
    currency: Mapped[str] = mapped_column(info=not_pii("currency code"))
    locale: Mapped[str] = mapped_column(default="en", server_default="en", info=not_pii("preference"))
    time_zone: Mapped[str] = mapped_column(default="UTC", server_default="UTC", info=not_pii("preference"))
    prices_include_tax: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), info=not_pii("preference")
    )
    settings: Mapped[dict[str, Any]] = mapped_column(
        default=dict, server_default=sa.text("'{}'::jsonb"), info=not_pii("preferences of a business")
    )
    state: Mapped[str] = mapped_column(default="active", server_default="active", info=not_pii("state"))


class User(Platform, IdentityKey, Timestamped, Versioned, Base):
    """A person who signs in. The platform operator is marked here and gains no merchant's permissions by it."""

    __tablename__ = "user_account"
    __table_args__ = (
        sa.CheckConstraint("state IN ('active', 'deactivated')", name="state"),
        sa.CheckConstraint("theme IN ('auto', 'light', 'dark')", name="theme"),
    )

    email: Mapped[str] = mapped_column(CITEXT, unique=True, info=pii(category="email", **ABOUT_STAFF))
    name: Mapped[str] = mapped_column(info=pii(category="name", **ABOUT_STAFF))
    password_hash: Mapped[str | None] = mapped_column(info=pii(category="credential", **ABOUT_STAFF))
    password_changed_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    state: Mapped[str] = mapped_column(default="active", server_default="active", info=not_pii("state"))
    is_operator: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), info=not_pii("role on the platform")
    )
    locale: Mapped[str | None] = mapped_column(info=not_pii("preference"))
    time_zone: Mapped[str | None] = mapped_column(info=not_pii("preference"))
    theme: Mapped[str] = mapped_column(default="auto", server_default="auto", info=not_pii("preference"))
    last_merchant_id: Mapped[int | None] = mapped_column(sa.ForeignKey("merchant.id"), info=not_pii("key"))


class Role(Tenant, IdentityKey, Timestamped, Versioned, Base):
    """What a member may do, as data. Built-in roles follow the release; a copy is the merchant's to change."""

    __tablename__ = "role"
    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "key"),
        sa.UniqueConstraint("merchant_id", "name"),
        sa.CheckConstraint("NOT is_built_in OR key IS NOT NULL", name="built_in_key"),
    )

    key: Mapped[str | None] = mapped_column(info=not_pii("code of a built-in role"))
    name: Mapped[str] = mapped_column(info=not_pii("name of a role"))
    description: Mapped[str] = mapped_column(default="", server_default="", info=not_pii("text about a role"))
    is_built_in: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=not_pii("state"))


class RolePermission(Tenant, Base):
    """One thing a role may do; the names stand in ``portal.accounts.permissions``."""

    __tablename__ = "role_permission"
    __table_args__ = (tenant_fk("role", "role_id", ondelete="CASCADE"),)

    role_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    permission: Mapped[str] = mapped_column(primary_key=True, info=not_pii("name of a permission"))


class Membership(Tenant, Timestamped, Versioned, Base):
    """A user works for a merchant, in one role."""

    __tablename__ = "membership"
    __table_args__ = (
        tenant_fk("role", "role_id", ondelete="RESTRICT"),
        sa.Index(None, "merchant_id", "role_id"),
        # Platform scan: which merchants a user works for, by memberships_of().
        sa.Index(None, "user_id"),
        sa.CheckConstraint("state IN ('active', 'deactivated')", name="state"),
    )

    user_id: Mapped[int] = mapped_column(
        sa.BigInteger,
        sa.ForeignKey("user_account.id", ondelete="RESTRICT"),
        primary_key=True,
        autoincrement=False,
        info=not_pii("key"),
    )
    role_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    state: Mapped[str] = mapped_column(default="active", server_default="active", info=not_pii("state"))


class Invitation(Tenant, IdentityKey, Base):
    """An offer of membership, good once and for a week. Only the hash of its token is kept."""

    __tablename__ = "invitation"
    __table_args__ = (
        tenant_fk("role", "role_id", ondelete="CASCADE"),
        sa.UniqueConstraint("merchant_id", "token_hash"),
        sa.Index(None, "merchant_id", "role_id"),
    )

    email: Mapped[str] = mapped_column(CITEXT, info=pii(category="email", **ABOUT_STAFF))
    role_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    token_hash: Mapped[bytes] = mapped_column(info=not_pii("hash of a random token"))
    invited_by: Mapped[int] = mapped_column(
        sa.BigInteger, sa.ForeignKey("user_account.id"), info=not_pii("key")
    )
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    expires_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    accepted_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    revoked_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))


class ApiKey(Tenant, IdentityKey, Base):
    """A program's way in: what it may do, and the sales channel it speaks for. Only the hash of its secret is kept."""

    __tablename__ = "api_key"
    __table_args__ = (
        tenant_fk("sales_channel", "channel_id"),
        sa.UniqueConstraint("merchant_id", "secret_hash"),
        sa.Index(None, "merchant_id", "channel_id"),
        sa.CheckConstraint("rate_per_minute > 0", name="rate"),
    )

    name: Mapped[str] = mapped_column(info=not_pii("name of a program"))
    hint: Mapped[str] = mapped_column(info=not_pii("beginning of the secret, to tell keys apart"))
    secret_hash: Mapped[bytes] = mapped_column(info=not_pii("hash of a random secret"))
    scopes: Mapped[list[Any]] = mapped_column(
        JSONB, default=list, server_default=sa.text("'[]'::jsonb"), info=not_pii("names of scopes")
    )
    channel_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    rate_per_minute: Mapped[int] = mapped_column(default=600, server_default="600", info=not_pii("count"))
    created_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    last_used_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    expires_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    revoked_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))


class UserSession(Platform, IdentityKey, Base):
    """One browser that is signed in. The cookie holds the token, this row only its hash; ending the row ends it."""

    __tablename__ = "user_session"
    __table_args__ = (sa.Index(None, "user_id"), sa.Index(None, "expires_at"))

    token_hash: Mapped[bytes] = mapped_column(unique=True, info=not_pii("hash of a random token"))
    user_id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.ForeignKey("user_account.id", ondelete="CASCADE"), info=not_pii("key")
    )
    active_merchant_id: Mapped[int | None] = mapped_column(sa.ForeignKey("merchant.id"), info=not_pii("key"))
    created_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    last_seen_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    confirmed_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time the password was last typed"))
    expires_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    revoked_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    ip_address: Mapped[str | None] = mapped_column(INET, info=pii(category="device", **ABOUT_SIGN_IN))
    user_agent: Mapped[str] = mapped_column(
        default="", server_default="", info=pii(category="device", **ABOUT_SIGN_IN)
    )


class PasswordReset(Platform, Base):
    """A link to choose a new password, good once and for an hour. Only the hash of its token is kept."""

    __tablename__ = "password_reset"
    __table_args__ = (sa.Index(None, "user_id"),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True, info=not_pii("hash of a random token"))
    user_id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.ForeignKey("user_account.id", ondelete="CASCADE"), info=not_pii("key")
    )
    created_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    expires_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    used_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
