"""The shops we sell through: accounts, what each shop should show, what it sent us, and what went wrong."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant, TimeKey, Timestamped, Versioned, tenant_fk

CODE = sa.Text(collation="C")

ACCOUNT_STATES = ("draft", "active", "paused", "failing")
LISTING_STATES = ("unmatched", "ignored", "in_step", "waiting", "unknown", "failed", "dead")
INBOUND_STATES = ("received", "applied", "held", "ignored", "failed", "dead")
DELIVERY_KINDS = ("test", "orders", "order", "products", "stock_and_price", "read_back")
DELIVERY_OUTCOMES = ("ok", "partial", "failed", "unknown", "throttled")

_KEY = not_pii("key")
_STATE = not_pii("state")
_TIME = not_pii("time")
_SETTING = not_pii("setting of a channel")
_REMOTE = not_pii("catalogue of the shop")
_STOCK = not_pii("stock")
_MONEY = not_pii("money")
_VERSION = not_pii("version")
_REASON = not_pii("reason in our own words, never the shop's text")


class ChannelAccount(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """One login to one outside shop. Settings only: what the machinery notes stands in ``ChannelSync``."""

    __tablename__ = "channel_account"

    channel_id: Mapped[int] = mapped_column(sa.BigInteger, info=_KEY)
    connector: Mapped[str] = mapped_column(info=not_pii("kind of shop"))
    name: Mapped[str] = mapped_column(info=not_pii("name of a shop"))
    base_url: Mapped[str] = mapped_column(info=not_pii("address of a shop"))
    state: Mapped[str] = mapped_column(default="draft", server_default="draft", info=_STATE)
    credentials: Mapped[bytes | None] = mapped_column(info=not_pii("sealed credentials of a shop"))
    credentials_tail: Mapped[str] = mapped_column(
        default="", server_default="", info=not_pii("last four characters of a shop's key")
    )
    credentials_changed_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    tested_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    price_currency: Mapped[str] = mapped_column(sa.CHAR(3), info=_MONEY)
    safety_buffer: Mapped[int] = mapped_column(default=0, server_default="0", info=_SETTING)
    sends_stock: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=_SETTING)
    sends_prices: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=_SETTING)
    takes_orders_from: Mapped[dt.datetime | None] = mapped_column(info=_SETTING)

    __table_args__ = (
        tenant_fk("sales_channel", "channel_id"),
        sa.UniqueConstraint("merchant_id", "name"),
        sa.Index(None, "merchant_id", "channel_id"),
        sa.CheckConstraint(sa.column("state").in_(ACCOUNT_STATES), name="state"),
        sa.CheckConstraint("safety_buffer >= 0", name="safety_buffer"),
        sa.CheckConstraint("state = 'draft' OR tested_at IS NOT NULL", name="tested_first"),
    )

    @property
    def is_running(self) -> bool:
        """A failing account keeps trying; only a draft and a paused one rest."""
        return self.state in ("active", "failing")


class ChannelSync(Tenant, Base):
    """What the sync of one account remembers between runs: its place in the order feed and its bad luck."""

    __tablename__ = "channel_sync"

    account_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=_KEY)
    orders_seen_until: Mapped[dt.datetime | None] = mapped_column(
        info=not_pii("cursor, in the time of the shop")
    )
    failures: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    failing_since: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    next_try_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    last_error: Mapped[str | None] = mapped_column(info=_REASON)
    polled_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    pushed_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    compared_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    compared_items: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    compared_orders: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    recovered_orders: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))

    __table_args__ = (tenant_fk("channel_account", "account_id"),)


class ChannelListing(Tenant, IdentityKey, Base):
    """One thing on sale in an outside shop, and the variant of ours that it is.

    ``wanted_version`` counts the reasons to send; ``sent_version`` and ``acknowledged_version`` say how far we got.
    Without a variant nothing is sent.
    """

    __tablename__ = "channel_listing"

    account_id: Mapped[int] = mapped_column(sa.BigInteger, info=_KEY)
    variant_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=_KEY)
    remote_product_id: Mapped[int] = mapped_column(sa.BigInteger, info=_REMOTE)
    remote_variation_id: Mapped[int] = mapped_column(
        sa.BigInteger, default=0, server_default="0", info=_REMOTE
    )
    remote_sku: Mapped[str] = mapped_column(CODE, default="", server_default="", info=_REMOTE)
    remote_sku_key: Mapped[str | None] = mapped_column(CODE, info=_REMOTE)
    remote_name: Mapped[str] = mapped_column(default="", server_default="", info=_REMOTE)
    state: Mapped[str] = mapped_column(default="unmatched", server_default="unmatched", info=_STATE)
    is_paused: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=_SETTING)

    wanted_version: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=_VERSION)
    wanted_stock: Mapped[int | None] = mapped_column(info=_STOCK)
    wanted_price: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=_MONEY)
    wanted_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    sent_version: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=_VERSION)
    sent_stock: Mapped[int | None] = mapped_column(info=_STOCK)
    sent_price: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=_MONEY)
    sent_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    acknowledged_version: Mapped[int] = mapped_column(
        sa.BigInteger, default=0, server_default="0", info=_VERSION
    )
    acknowledged_stock: Mapped[int | None] = mapped_column(info=_STOCK)
    acknowledged_price: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=_MONEY)
    acknowledged_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)

    attempts: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    failing_since: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    next_try_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    check_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    last_error: Mapped[str | None] = mapped_column(info=_REASON)

    remote_stock: Mapped[int | None] = mapped_column(info=_STOCK)
    remote_price: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=_MONEY)
    remote_seen_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    is_missing: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=_STATE)

    __table_args__ = (
        tenant_fk("channel_account", "account_id"),
        tenant_fk("variant", "variant_id"),
        sa.UniqueConstraint("merchant_id", "account_id", "remote_product_id", "remote_variation_id"),
        sa.Index(None, "merchant_id", "variant_id"),
        sa.Index(None, "merchant_id", "account_id", "state", "id"),
        sa.Index(None, "merchant_id", "account_id", "remote_sku_key"),
        sa.Index(
            "channel_listing_due_idx",
            "merchant_id",
            "account_id",
            "next_try_at",
            postgresql_where=sa.text("state IN ('waiting', 'unknown', 'failed')"),
        ),
        sa.Index(
            "channel_listing_check_idx",
            "merchant_id",
            "account_id",
            "check_at",
            postgresql_where=sa.text("check_at IS NOT NULL"),
        ),
        sa.CheckConstraint(sa.column("state").in_(LISTING_STATES), name="state"),
        sa.CheckConstraint(
            "(variant_id IS NULL) = (state IN ('unmatched', 'ignored'))", name="matched_to_send"
        ),
        sa.CheckConstraint(
            "acknowledged_version <= sent_version AND sent_version <= wanted_version", name="versions"
        ),
        sa.CheckConstraint("wanted_stock >= 0 AND sent_stock >= 0", name="never_negative"),
    )


class ChannelInboundOrder(Tenant, IdentityKey, Base):
    """One order of an outside shop as we know it. The document itself is sealed under the buyer's key."""

    __tablename__ = "channel_inbound_order"
    __subject_path__ = "subject_id"

    account_id: Mapped[int] = mapped_column(sa.BigInteger, info=_KEY)
    external_id: Mapped[str] = mapped_column(CODE, info=not_pii("the shop's key of the order"))
    external_number: Mapped[str] = mapped_column(
        CODE, default="", server_default="", info=not_pii("the shop's number of the order")
    )
    external_status: Mapped[str] = mapped_column(default="", server_default="", info=_STATE)
    state: Mapped[str] = mapped_column(default="received", server_default="received", info=_STATE)
    reason: Mapped[str | None] = mapped_column(info=_REASON)
    order_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=_KEY)
    subject_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=_KEY)
    payload: Mapped[bytes | None] = mapped_column(
        info=pii(
            category="identifier",
            strategy="shred",
            purpose="apply an order again, show where it came from",
            retention="with the order",
        )
    )
    digest: Mapped[str | None] = mapped_column(CODE, info=not_pii("digest of states and amounts only"))
    modified_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("version, in the time of the shop"))
    applied_modified_at: Mapped[dt.datetime | None] = mapped_column(
        info=not_pii("version, in the time of the shop")
    )
    attempts: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    failing_since: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    next_try_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)
    first_seen_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=_TIME)
    applied_at: Mapped[dt.datetime | None] = mapped_column(info=_TIME)

    __table_args__ = (
        tenant_fk("channel_account", "account_id"),
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        tenant_fk("data_subject", "subject_id"),
        sa.UniqueConstraint("merchant_id", "account_id", "external_id"),
        sa.Index(None, "merchant_id", "account_id", "state", "id"),
        sa.Index(None, "merchant_id", "order_id"),
        sa.Index(None, "merchant_id", "subject_id"),
        sa.Index(
            "channel_inbound_order_due_idx",
            "merchant_id",
            "account_id",
            "next_try_at",
            postgresql_where=sa.text("state IN ('received', 'failed')"),
        ),
        sa.CheckConstraint(sa.column("state").in_(INBOUND_STATES), name="state"),
    )


class ChannelDelivery(Tenant, TimeKey, Base):
    """One call to an outside shop and how it ended. The sync keeps the log short; it holds no document."""

    __tablename__ = "channel_delivery"

    account_id: Mapped[int] = mapped_column(sa.BigInteger, info=_KEY)
    kind: Mapped[str] = mapped_column(info=_STATE)
    outcome: Mapped[str] = mapped_column(info=_STATE)
    items: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    failed_items: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    http_status: Mapped[int | None] = mapped_column(info=not_pii("answer code"))
    duration_ms: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("duration"))
    message: Mapped[str | None] = mapped_column(info=_REASON)

    __table_args__ = (
        tenant_fk("channel_account", "account_id"),
        sa.Index(None, "merchant_id", "account_id", "id"),
        sa.CheckConstraint(sa.column("kind").in_(DELIVERY_KINDS), name="kind"),
        sa.CheckConstraint(sa.column("outcome").in_(DELIVERY_OUTCOMES), name="outcome"),
    )
