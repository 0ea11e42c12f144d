"""Gateways and what passes between them and us: accounts, attempts, links, notices, disputes, payouts.

An attempt belongs to its order and leaves with its month; the rest outlives the month and points at ``order_ref``.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import (
    IdentityKey,
    Tenant,
    TimeKey,
    Timestamped,
    Versioned,
    partitioned_by,
    tenant_fk,
)
from portal.orders.models.parts import CODE, KEY, MONEY, STATE, SUBJECT_OF_ORDER, TIME, Timed, order_fk

ACCOUNT_MODES: Final = ("test", "live")
ACCOUNT_STATES: Final = ("draft", "active", "paused")
ATTEMPT_ACTIONS: Final = ("authorise", "capture", "void", "refund", "checkout")
ATTEMPT_STATES: Final = ("started", "succeeded", "failed", "unknown")
CAPTURE_MOMENTS: Final = ("placement", "dispatch", "by_hand")
LINK_STATES: Final = ("open", "paid", "expired", "cancelled")
NOTICE_STATES: Final = ("received", "applied", "ignored", "failed", "dead")
DISPUTE_STATES: Final = ("needs_response", "under_review", "won", "lost")
PAYOUT_STATES: Final = ("in_transit", "paid", "failed")
PAYOUT_LINE_KINDS: Final = ("payment", "refund", "dispute", "fee", "adjustment")
PAYOUT_LINE_STATES: Final = ("matched", "unmatched", "explained")

_COUNT: Final = not_pii("count")
_CODE: Final = not_pii("why, as a word of ours")
_GATEWAY: Final = not_pii("the gateway's key of one act")
_SETTING: Final = not_pii("setting of a merchant")


class GatewayAccount(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """One login to one payment gateway. Its keys are sealed and shown as their last four characters."""

    __tablename__ = "gateway_account"

    kind: Mapped[str] = mapped_column(info=not_pii("kind of gateway"))
    name: Mapped[str] = mapped_column(info=not_pii("name of an account"))
    mode: Mapped[str] = mapped_column(default="test", server_default="test", info=STATE)
    state: Mapped[str] = mapped_column(default="draft", server_default="draft", info=STATE)
    base_url: Mapped[str | None] = mapped_column(info=not_pii("address of a gateway"))
    secret_key: Mapped[bytes | None] = mapped_column(info=not_pii("sealed key of a gateway"))
    secret_key_tail: Mapped[str] = mapped_column(
        default="", server_default="", info=not_pii("last four characters of a key")
    )
    webhook_secret: Mapped[bytes | None] = mapped_column(info=not_pii("sealed key of a gateway"))
    webhook_secret_tail: Mapped[str] = mapped_column(
        default="", server_default="", info=not_pii("last four characters of a key")
    )
    webhook_token: Mapped[str] = mapped_column(
        CODE, info=not_pii("part of an address; the signature is the proof")
    )
    keys_changed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    tested_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    is_default: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=_SETTING)
    payouts_seen_until: Mapped[dt.datetime | None] = mapped_column(
        info=not_pii("cursor, in the time of the gateway")
    )

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "name"),
        sa.UniqueConstraint("merchant_id", "webhook_token"),
        sa.Index(
            "gateway_account_default_key",
            "merchant_id",
            unique=True,
            postgresql_where=sa.text("is_default"),
        ),
        sa.CheckConstraint(sa.column("mode").in_(ACCOUNT_MODES), name="mode"),
        sa.CheckConstraint(sa.column("state").in_(ACCOUNT_STATES), name="state"),
        sa.CheckConstraint("state <> 'active' OR tested_at >= keys_changed_at", name="tested_first"),
    )

    @property
    def is_on(self) -> bool:
        """Whether new payments may go through it. What is under way goes on in any state."""
        return self.state == "active"


class PaymentSettings(Tenant, Versioned, Base):
    """When a merchant takes authorised money, and how long its payment links live. One row, or the defaults."""

    __tablename__ = "payment_settings"

    capture_on: Mapped[str] = mapped_column(default="dispatch", server_default="dispatch", info=_SETTING)
    link_days: Mapped[int] = mapped_column(default=7, server_default="7", info=_SETTING)

    __table_args__ = (
        sa.CheckConstraint(sa.column("capture_on").in_(CAPTURE_MOMENTS), name="capture_on"),
        sa.CheckConstraint("link_days BETWEEN 1 AND 90", name="link_days"),
    )


class PaymentAttempt(Timed, Base):
    """One thing asked of a gateway under one key. Committed before the call; an end that nobody saw is ``unknown``.

    ``called_at`` is empty until the first call leaves. A row that was called and has no end is resolved by asking.
    """

    __tablename__ = "payment_attempt"

    payment_n: Mapped[int] = mapped_column(info=KEY)
    refund_n: Mapped[int | None] = mapped_column(info=KEY)
    account_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    action: Mapped[str] = mapped_column(info=STATE)
    key: Mapped[str] = mapped_column(CODE, info=not_pii("made by the program for one request"))
    amount: Mapped[Decimal] = mapped_column(info=MONEY)
    state: Mapped[str] = mapped_column(default="started", server_default="started", info=STATE)
    code: Mapped[str | None] = mapped_column(info=_CODE)
    reference: Mapped[str | None] = mapped_column(CODE, info=_GATEWAY)
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    asks: Mapped[int] = mapped_column(default=0, server_default="0", info=_COUNT)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    called_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    next_ask_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    settled_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        order_fk(),
        sa.UniqueConstraint("merchant_id", "order_id", "key"),
        sa.Index(
            "payment_attempt_open_idx",
            "merchant_id",
            "created_at",
            postgresql_where=sa.text("state IN ('started', 'unknown')"),
        ),
        sa.CheckConstraint(sa.column("action").in_(ATTEMPT_ACTIONS), name="action"),
        sa.CheckConstraint(sa.column("state").in_(ATTEMPT_STATES), name="state"),
        sa.CheckConstraint("amount >= 0", name="amount"),
        partitioned_by("order_id"),
    )


class PaymentLink(Tenant, IdentityKey, Base):
    """A page on which a buyer pays an amount of an order once, until a day. Only the hash of its address is kept."""

    __tablename__ = "payment_link"
    __subject_path__ = SUBJECT_OF_ORDER

    order_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    account_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    payment_n: Mapped[int] = mapped_column(info=KEY)
    token_hash: Mapped[bytes] = mapped_column(info=not_pii("hash of a random word"))
    token_sealed: Mapped[bytes] = mapped_column(info=not_pii("sealed random word"))
    amount: Mapped[Decimal] = mapped_column(info=MONEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    state: Mapped[str] = mapped_column(default="open", server_default="open", info=STATE)
    expires_at: Mapped[dt.datetime] = mapped_column(info=TIME)
    checkout_url: Mapped[str | None] = mapped_column(info=not_pii("page of the gateway"))
    checkout_reference: Mapped[str | None] = mapped_column(CODE, info=_GATEWAY)
    created_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    opened_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        tenant_fk("gateway_account", "account_id"),
        sa.UniqueConstraint("merchant_id", "token_hash"),
        sa.Index(None, "merchant_id", "order_id"),
        sa.Index(None, "merchant_id", "account_id"),
        sa.Index(
            "payment_link_open_idx", "merchant_id", "expires_at", postgresql_where=sa.text("state = 'open'")
        ),
        sa.CheckConstraint(sa.column("state").in_(LINK_STATES), name="state"),
        sa.CheckConstraint("amount > 0 AND fits_minor_units(amount, currency)", name="amount"),
    )


class PaymentNotice(Tenant, TimeKey, Base):
    """What a gateway told us by webhook: stored sealed on arrival, applied once by a worker.

    Until its order is known the body is sealed under the master key; from then on under the buyer's, or it goes.
    """

    __tablename__ = "payment_notice"
    __subject_path__ = "subject_id"

    account_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    event_id: Mapped[str] = mapped_column(CODE, info=_GATEWAY)
    kind: Mapped[str] = mapped_column(info=not_pii("kind of event"))
    object_reference: Mapped[str | None] = mapped_column(CODE, info=_GATEWAY)
    happened_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    received_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    times_received: Mapped[int] = mapped_column(default=1, server_default="1", info=_COUNT)
    body: Mapped[bytes | None] = mapped_column(info=not_pii("sealed, until its order is known"))
    body_of_person: Mapped[bytes | None] = mapped_column(
        info=pii(
            category="identifier",
            strategy="shred",
            purpose="show what the gateway said",
            retention="90 days",
        )
    )
    subject_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    order_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    state: Mapped[str] = mapped_column(default="received", server_default="received", info=STATE)
    reason: Mapped[str | None] = mapped_column(info=not_pii("reason in our own words"))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0", info=_COUNT)
    next_try_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    applied_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        tenant_fk("gateway_account", "account_id"),
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        tenant_fk("data_subject", "subject_id"),
        sa.UniqueConstraint("merchant_id", "account_id", "event_id"),
        sa.Index(None, "merchant_id", "order_id"),
        sa.Index(None, "merchant_id", "subject_id"),
        sa.Index(None, "merchant_id", "received_at"),
        sa.Index(
            "payment_notice_due_idx",
            "merchant_id",
            "next_try_at",
            postgresql_where=sa.text("state IN ('received', 'failed')"),
        ),
        sa.Index(
            "payment_notice_attention_idx",
            "merchant_id",
            "id",
            postgresql_where=sa.text("state IN ('failed', 'dead', 'ignored')"),
        ),
        sa.CheckConstraint(sa.column("state").in_(NOTICE_STATES), name="state"),
    )


class PaymentDispute(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A buyer asked the bank for the money back. Its amount is held until the dispute is won or lost."""

    __tablename__ = "payment_dispute"
    __subject_path__ = SUBJECT_OF_ORDER

    account_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    reference: Mapped[str] = mapped_column(CODE, info=_GATEWAY)
    order_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    payment_n: Mapped[int | None] = mapped_column(info=KEY)
    payment_reference: Mapped[str | None] = mapped_column(CODE, info=_GATEWAY)
    reason: Mapped[str] = mapped_column(info=not_pii("reason code of the bank"))
    amount: Mapped[Decimal] = mapped_column(info=MONEY)
    fee_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    held_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    state: Mapped[str] = mapped_column(default="needs_response", server_default="needs_response", info=STATE)
    due_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    opened_at: Mapped[dt.datetime] = mapped_column(info=TIME)
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    told_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("version, in the time of the gateway"))
    evidence: Mapped[dict[str, Any]] = mapped_column(
        default=dict,
        server_default="{}",
        info=pii(category="free_text", purpose="answer the bank", basis="legitimate_interest"),
    )
    submitted_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    submission: Mapped[str | None] = mapped_column(info=STATE)

    __table_args__ = (
        tenant_fk("gateway_account", "account_id"),
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        sa.UniqueConstraint("merchant_id", "account_id", "reference"),
        sa.Index(None, "merchant_id", "order_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.Index(None, "merchant_id", "due_at", "id"),
        sa.CheckConstraint(sa.column("state").in_(DISPUTE_STATES), name="state"),
        sa.CheckConstraint(sa.column("submission").in_(("sending", "sent", "failed")), name="submission"),
        sa.CheckConstraint("amount >= 0 AND fee_amount >= 0 AND held_amount >= 0", name="amount"),
    )


class PaymentDisputeFile(Tenant, IdentityKey, Base):
    """A file that goes to the bank with the answer to a dispute."""

    __tablename__ = "payment_dispute_file"
    __subject_path__ = SUBJECT_OF_ORDER

    dispute_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    order_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    file_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    kind: Mapped[str] = mapped_column(info=not_pii("which evidence it is"))
    name: Mapped[str] = mapped_column(info=pii(category="free_text"))
    size: Mapped[int] = mapped_column(info=not_pii("size"))
    added_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (
        tenant_fk("payment_dispute", "dispute_id"),
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        tenant_fk("stored_file", "file_id"),
        sa.Index(None, "merchant_id", "dispute_id"),
        sa.Index(None, "merchant_id", "order_id"),
        sa.Index(None, "merchant_id", "file_id"),
    )


class PaymentPayout(Tenant, IdentityKey, Base):
    """Money a gateway paid to the merchant's bank, and what it says it is made of."""

    __tablename__ = "payment_payout"

    account_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    reference: Mapped[str] = mapped_column(CODE, info=_GATEWAY)
    state: Mapped[str] = mapped_column(info=STATE)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    amount: Mapped[Decimal] = mapped_column(info=MONEY)
    lines_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    fees_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    line_count: Mapped[int] = mapped_column(default=0, server_default="0", info=_COUNT)
    unmatched_count: Mapped[int] = mapped_column(default=0, server_default="0", info=_COUNT)
    paid_on: Mapped[dt.date] = mapped_column(info=TIME)
    fetched_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (
        tenant_fk("gateway_account", "account_id"),
        sa.UniqueConstraint("merchant_id", "account_id", "reference"),
        sa.Index(None, "merchant_id", "paid_on", "id"),
        sa.Index(
            "payment_payout_unmatched_idx",
            "merchant_id",
            "id",
            postgresql_where=sa.text("unmatched_count > 0"),
        ),
        sa.CheckConstraint(sa.column("state").in_(PAYOUT_STATES), name="state"),
    )


class PaymentPayoutLine(Tenant, IdentityKey, Base):
    """One movement inside a payout, and the payment or refund of ours that it is. Amounts are signed: out is negative."""

    __tablename__ = "payment_payout_line"
    __subject_path__ = SUBJECT_OF_ORDER

    payout_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    reference: Mapped[str] = mapped_column(CODE, info=_GATEWAY)
    kind: Mapped[str] = mapped_column(info=STATE)
    source_reference: Mapped[str | None] = mapped_column(CODE, info=_GATEWAY)
    payment_reference: Mapped[str | None] = mapped_column(CODE, info=_GATEWAY)
    gross: Mapped[Decimal] = mapped_column(info=MONEY)
    fee: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    net: Mapped[Decimal] = mapped_column(info=MONEY)
    state: Mapped[str] = mapped_column(default="unmatched", server_default="unmatched", info=STATE)
    order_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    payment_n: Mapped[int | None] = mapped_column(info=KEY)
    refund_n: Mapped[int | None] = mapped_column(info=KEY)
    expected: Mapped[Decimal | None] = mapped_column(info=MONEY)
    reason: Mapped[str | None] = mapped_column(
        info=pii(category="free_text", purpose="say why a line has no order")
    )
    matched_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    happened_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        tenant_fk("payment_payout", "payout_id"),
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        sa.UniqueConstraint("merchant_id", "payout_id", "reference"),
        sa.Index(None, "merchant_id", "order_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.CheckConstraint(sa.column("kind").in_(PAYOUT_LINE_KINDS), name="kind"),
        sa.CheckConstraint(sa.column("state").in_(PAYOUT_LINE_STATES), name="state"),
        sa.CheckConstraint("net = gross - fee", name="net"),
        sa.CheckConstraint("state <> 'matched' OR order_id IS NOT NULL OR kind = 'fee'", name="matched"),
    )
