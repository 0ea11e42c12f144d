"""Invoices and credit notes, their numbers, and what the merchant prints on them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import Tenant, TimeKey, Timestamped, Versioned, partitioned_by, tenant_fk
from portal.orders.models.parts import CODE, KEY, MONEY, STATE, TIME, Timed, order_fk

DOCUMENT_KINDS = ("invoice", "credit_note")
ISSUED_WHEN = ("by_hand", "paid", "shipped")
PAPERS = ("a4", "us-letter")

_SELLER = not_pii("data of a business, printed on its documents")
_CHOICE = not_pii("preference")


class InvoiceRef(Tenant, TimeKey, Base):
    """An invoice or a credit note that was issued, with its number. It outlives the order's month and never changes.

    What is printed on it stands in ``order_document`` under the same ``order_id`` and ``n`` = ``id``.
    """

    __tablename__ = "invoice_ref"
    __append_only__: ClassVar[bool] = True

    order_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    kind: Mapped[str] = mapped_column(info=STATE)
    number: Mapped[str] = mapped_column(CODE, info=not_pii("the merchant's number of the document"))
    series: Mapped[str] = mapped_column(CODE, info=not_pii("what stands before the running number"))
    sequence: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("counter"))
    issued_on: Mapped[dt.date] = mapped_column(info=not_pii("day of the merchant's zone"))
    issued_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    change_n: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    refers_to_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=MONEY)
    net_total: Mapped[Decimal] = mapped_column(info=MONEY)
    tax_total: Mapped[Decimal] = mapped_column(info=MONEY)
    total: Mapped[Decimal] = mapped_column(info=MONEY)

    __table_args__ = (
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        tenant_fk("invoice_ref", "refers_to_id"),
        sa.UniqueConstraint("merchant_id", "number"),
        sa.UniqueConstraint("merchant_id", "series", "sequence"),
        sa.Index(None, "merchant_id", "order_id", "id"),
        sa.Index(None, "merchant_id", "kind", "id"),
        sa.Index(
            "invoice_ref_change_key",
            "merchant_id",
            "order_id",
            "change_n",
            unique=True,
            postgresql_where=sa.text("change_n IS NOT NULL"),
        ),
        sa.Index(
            "invoice_ref_refers_to_idx",
            "merchant_id",
            "refers_to_id",
            postgresql_where=sa.text("refers_to_id IS NOT NULL"),
        ),
        sa.CheckConstraint(sa.column("kind").in_(DOCUMENT_KINDS), name="kind"),
        sa.CheckConstraint("kind = 'credit_note' OR change_n IS NULL", name="change"),
        sa.CheckConstraint("(kind = 'credit_note') = (refers_to_id IS NOT NULL)", name="refers_to"),
        sa.CheckConstraint("sequence > 0", name="sequence"),
        sa.CheckConstraint("total = net_total + tax_total", name="adds_up"),
        sa.CheckConstraint("fits_minor_units(total, currency)", name="minor_units"),
    )


class OrderDocument(Timed, Base):
    """What stands on an issued document: goods, amounts and seller in the open, the buyer sealed.

    The buyer is sealed under a retention key that outlives the person's own and dies after ``ends_on``, because the law
    demands that invoices are kept whole. No privilege exists to change a row.
    """

    __tablename__ = "order_document"
    __append_only__: ClassVar[bool] = True
    __restricted__: ClassVar[bool] = True

    content: Mapped[dict[str, Any]] = mapped_column(
        JSONB, info=not_pii("goods, amounts and the seller; nothing of the buyer")
    )
    sealed: Mapped[bytes | None] = mapped_column(
        info=pii(
            category="address",
            strategy="keep",
            basis="legal_obligation",
            purpose="keep invoices as tax law demands",
            retention="until ends_on",
        )
    )
    law: Mapped[str | None] = mapped_column(CODE, info=not_pii("name of a law"))
    ends_on: Mapped[dt.date | None] = mapped_column(info=not_pii("end of retention"))

    __table_args__ = (
        order_fk(),
        sa.CheckConstraint(
            "sealed IS NULL OR (law IS NOT NULL AND ends_on IS NOT NULL)", name="sealed_until"
        ),
        partitioned_by("order_id"),
    )


class DocumentCounter(Tenant, Base):
    """The last number taken of a series. It rises in the transaction that issues, so no number is ever lost."""

    __tablename__ = "document_counter"

    series: Mapped[str] = mapped_column(
        CODE, primary_key=True, info=not_pii("what stands before the running number")
    )
    last_value: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("counter"))

    __table_args__ = (sa.CheckConstraint("last_value > 0", name="last_value"),)


class DocumentSettings(Tenant, Versioned, Timestamped, Base):
    """Who the seller is in the eyes of the law, how numbers look, and when documents are made. One row per merchant."""

    __tablename__ = "document_settings"

    company: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    line1: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    line2: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    postcode: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    city: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=_SELLER)
    vat_id: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    tax_number: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    registration: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    managed_by: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    email: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    phone: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    website: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    bank: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    iban: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    bic: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    footer: Mapped[str] = mapped_column(default="", server_default="", info=_SELLER)
    logo_key: Mapped[str | None] = mapped_column(CODE, info=not_pii("key of a stored picture"))
    language: Mapped[str] = mapped_column(default="en", server_default="en", info=_CHOICE)
    paper: Mapped[str] = mapped_column(default="a4", server_default="a4", info=_CHOICE)
    payment_days: Mapped[int] = mapped_column(default=14, server_default="14", info=_CHOICE)
    invoice_prefix: Mapped[str] = mapped_column(CODE, default="INV-", server_default="INV-", info=_CHOICE)
    credit_note_prefix: Mapped[str] = mapped_column(CODE, default="CN-", server_default="CN-", info=_CHOICE)
    numbers_by_year: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=_CHOICE)
    digits: Mapped[int] = mapped_column(default=5, server_default="5", info=_CHOICE)
    first_number: Mapped[int] = mapped_column(
        sa.BigInteger, default=1, server_default="1", info=not_pii("counter")
    )
    issued_when: Mapped[str] = mapped_column(default="by_hand", server_default="by_hand", info=_CHOICE)
    is_mailed: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=_CHOICE)

    __table_args__ = (
        sa.CheckConstraint(sa.column("issued_when").in_(ISSUED_WHEN), name="issued_when"),
        sa.CheckConstraint(sa.column("paper").in_(PAPERS), name="paper"),
        sa.CheckConstraint("digits BETWEEN 1 AND 12", name="digits"),
        sa.CheckConstraint("first_number > 0", name="first_number"),
        sa.CheckConstraint("payment_days BETWEEN 0 AND 365", name="payment_days"),
    )
