"""What papers of the warehouse share: their numbers, what was scanned onto drafts, what was received against them."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import Tenant, TimeKey, tenant_fk
from portal.stock.models.levels import STOCK

KEY = not_pii("key")
STATE = not_pii("state")
TIME = not_pii("time")
NOTE = pii(
    category="free_text",
    strategy="staff",
    basis="legitimate_interest",
    purpose="tell colleagues about a delivery or a count",
    retention="with the paper",
)
PAPER_KINDS = ("transfer", "purchase")


class StockSeries(Tenant, Base):
    """The next number of a kind of paper: transfers, purchase orders, counts, pick lists."""

    __tablename__ = "stock_series"

    kind: Mapped[str] = mapped_column(primary_key=True, info=STOCK)
    next_value: Mapped[int] = mapped_column(info=STOCK)


class StockDraftScan(Tenant, Base):
    """One scan onto a draft, by its token: sent twice it counts once. ``units`` is what its line grew by, in whole packs."""

    __tablename__ = "stock_draft_scan"

    token: Mapped[uuid.UUID] = mapped_column(primary_key=True, info=not_pii("random"))
    paper_kind: Mapped[str] = mapped_column(info=not_pii("kind of paper"))
    paper_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    scanned: Mapped[int] = mapped_column(info=STOCK)
    units: Mapped[int] = mapped_column(info=STOCK)
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.text("clock_timestamp()"), info=TIME)
    undone_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))

    __table_args__ = (
        tenant_fk("variant", "variant_id"),
        sa.Index(None, "merchant_id", "paper_kind", "paper_id", "at"),
        sa.CheckConstraint(sa.column("paper_kind").in_(PAPER_KINDS), name="paper_kind"),
        sa.CheckConstraint("scanned > 0 AND units > 0", name="units"),
    )


class StockReceipt(Tenant, TimeKey, Base):
    """Units booked in against a transfer or a purchase order, by the token of the form: the same form books once."""

    __tablename__ = "stock_receipt"
    __append_only__ = True

    token: Mapped[uuid.UUID] = mapped_column(info=not_pii("random"))
    source_kind: Mapped[str] = mapped_column(info=not_pii("kind of paper"))
    source_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    digest: Mapped[str] = mapped_column(sa.Text(collation="C"), info=not_pii("digest of what the form said"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "token"),
        sa.Index(None, "merchant_id", "source_kind", "source_id", "id"),
        sa.CheckConstraint(sa.column("source_kind").in_(PAPER_KINDS), name="source_kind"),
    )


class StockReceiptLine(Tenant, Base):
    """What a receipt said of one variant. Good and damaged units arrived, missing ones never will, extra ones came unasked."""

    __tablename__ = "stock_receipt_line"
    __append_only__ = True

    receipt_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    good: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    damaged: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    missing: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    extra: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    reason_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    unit_cost: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=not_pii("money"))

    __table_args__ = (
        tenant_fk("stock_receipt", "receipt_id"),
        sa.CheckConstraint("good >= 0 AND damaged >= 0 AND missing >= 0 AND extra >= 0", name="units"),
    )
