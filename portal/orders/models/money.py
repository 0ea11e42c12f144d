"""Money of an order that came in and that went back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import partitioned_by
from portal.orders.models.parts import (
    CODE,
    CONTENT,
    KEY,
    MONEY,
    STATE,
    TIME,
    Numbered,
    OfOrder,
    order_fk,
)

PAYMENT_STEPS = ("pending", "authorised", "captured", "failed", "voided")
REFUND_STATES = ("pending", "done", "failed")


class OrderPayment(Numbered, Base):
    """A payment and how far it got. No card number ever: the gateway's token, brand and last four.

    What was asked of the gateway and is not answered yet is set apart (``capture_pending``, ``refund_pending``), so that
    two people at once cannot ask for more than there is. ``disputed_amount`` is held back while a buyer disputes it.
    """

    __tablename__ = "order_payment"

    state: Mapped[str] = mapped_column(default="pending", server_default="pending", info=STATE)
    method: Mapped[str] = mapped_column(info=STATE)
    gateway: Mapped[str] = mapped_column(default="manual", server_default="manual", info=STATE)
    gateway_reference: Mapped[str | None] = mapped_column(
        CODE,
        info=pii(
            category="identifier",
            strategy="keep",
            basis="legal_obligation",
            purpose="accounting",
            retention="as tax law demands",
        ),
    )
    amount: Mapped[Decimal] = mapped_column(info=MONEY)
    captured_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    capture_pending: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    refunded_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    refund_pending: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    disputed_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0", info=MONEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    account_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    gateway_token: Mapped[str | None] = mapped_column(CODE, info=pii(category="identifier"))
    authorised_until: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    failure_code: Mapped[str | None] = mapped_column(info=not_pii("why, as a word of ours"))
    card_brand: Mapped[str | None] = mapped_column(info=not_pii("brand alone names nobody"))
    card_last_four: Mapped[str | None] = mapped_column(sa.CHAR(4), info=pii(category="identifier"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (
        order_fk(),
        sa.Index(None, "merchant_id", "gateway_reference"),
        sa.CheckConstraint(sa.column("state").in_(PAYMENT_STEPS), name="state"),
        sa.CheckConstraint("captured_amount >= 0 AND captured_amount <= amount", name="captured"),
        sa.CheckConstraint("refunded_amount >= 0 AND refunded_amount <= captured_amount", name="refunded"),
        # Not part of the bound: what a person did in the gateway's own screens may overtake what we asked for.
        sa.CheckConstraint(
            "capture_pending >= 0 AND refund_pending >= 0 AND disputed_amount >= 0", name="under_way"
        ),
        sa.CheckConstraint(
            "fits_minor_units(amount, currency) AND fits_minor_units(captured_amount, currency)"
            " AND fits_minor_units(refunded_amount, currency)",
            name="minor_units",
        ),
        partitioned_by("order_id"),
    )


class OrderRefund(Numbered, Base):
    """Money given back, to a payment or as store credit, with its reason.

    A refund through a gateway is ``pending`` until the gateway said so; only a ``done`` one counts in the order's totals.
    ``key`` makes a second request with the same key the same refund.
    """

    __tablename__ = "order_refund"

    state: Mapped[str] = mapped_column(default="done", server_default="done", info=STATE)
    key: Mapped[str | None] = mapped_column(CODE, info=not_pii("made by the program for one request"))
    failure_code: Mapped[str | None] = mapped_column(info=not_pii("why, as a word of ours"))
    payment_n: Mapped[int | None] = mapped_column(info=KEY)
    change_n: Mapped[int | None] = mapped_column(info=KEY)
    amount: Mapped[Decimal] = mapped_column(info=MONEY)
    destination: Mapped[str] = mapped_column(default="payment", server_default="payment", info=STATE)
    reason: Mapped[str | None] = mapped_column(info=pii(category="free_text"))
    external_id: Mapped[str | None] = mapped_column(
        CODE, info=not_pii("number of the credit note in the source")
    )
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (
        order_fk(),
        sa.Index(None, "merchant_id", "external_id"),
        sa.Index(None, "merchant_id", "at"),
        sa.UniqueConstraint("merchant_id", "order_id", "key"),
        sa.CheckConstraint(sa.column("state").in_(REFUND_STATES), name="state"),
        sa.CheckConstraint("amount >= 0", name="amount"),
        sa.CheckConstraint(
            sa.column("destination").in_(("payment", "store_credit", "outside")), name="destination"
        ),
        partitioned_by("order_id"),
    )


class OrderRefundLine(OfOrder, Base):
    """How much of a refund is for which line."""

    __tablename__ = "order_refund_line"

    refund_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    line_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    quantity: Mapped[int] = mapped_column(info=CONTENT)
    amount: Mapped[Decimal] = mapped_column(info=MONEY)

    __table_args__ = (order_fk(), partitioned_by("order_id"))
