"""Counts: what people found on the shelf, against what the books said at that moment."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, tenant_fk
from portal.stock.models.documents import KEY, NOTE, STATE, TIME
from portal.stock.models.levels import STOCK

COUNT_STATES = ("open", "review", "applying", "applied", "cancelled")
SCAN_MODES = ("add", "set")


class StockCount(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A count of one location. Sales go on while it runs."""

    __tablename__ = "stock_count"

    number: Mapped[int] = mapped_column(info=STOCK)
    name: Mapped[str] = mapped_column(info=STOCK)
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    state: Mapped[str] = mapped_column(default="open", server_default="open", info=STATE)
    note: Mapped[str | None] = mapped_column(info=NOTE)
    zero_uncounted: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), info=not_pii("whether what was not found counts as nothing")
    )
    # Sums at the close of the count and after each change in review, so that no page adds up 100,000 lines.
    summary: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict, server_default="{}", info=not_pii("sums of units")
    )
    reason_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    job_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=KEY)
    created_by_id: Mapped[int | None] = mapped_column(
        sa.BigInteger, info=not_pii("key of a user of the portal")
    )
    approved_by_id: Mapped[int | None] = mapped_column(
        sa.BigInteger, info=not_pii("key of a user of the portal")
    )
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    applied_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "number"),
        tenant_fk("location", "location_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.Index(None, "merchant_id", "location_id", "id"),
        sa.CheckConstraint(sa.column("state").in_(COUNT_STATES), name="state"),
    )


class StockCountLine(Tenant, Base):
    """What was counted of a variant, and what the books said when its count began and at its last scan.

    When the two differ, units moved while the line was being counted, and the line asks to be counted again.
    """

    __tablename__ = "stock_count_line"

    # Lists page by one number; nothing points at it.
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), sort_order=-80, info=KEY)
    count_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    counted: Mapped[int] = mapped_column(info=STOCK)
    book: Mapped[int] = mapped_column(info=STOCK)
    book_last: Mapped[int] = mapped_column(info=STOCK)
    variance: Mapped[int] = mapped_column(sa.Computed("counted - book", persisted=True), info=STOCK)
    scans: Mapped[int] = mapped_column(default=1, server_default="1", info=STOCK)
    is_excluded: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=STATE)
    begun_at: Mapped[dt.datetime] = mapped_column(server_default=sa.text("clock_timestamp()"), info=TIME)
    counted_at: Mapped[dt.datetime] = mapped_column(server_default=sa.text("clock_timestamp()"), info=TIME)
    applied_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    short_units: Mapped[int] = mapped_column(
        default=0, server_default="0", info=not_pii("stock: promised units the count took back")
    )

    __table_args__ = (
        tenant_fk("stock_count", "count_id"),
        tenant_fk("variant", "variant_id"),
        sa.UniqueConstraint("merchant_id", "id"),
        sa.Index(None, "merchant_id", "count_id", "id"),
        sa.Index(None, "merchant_id", "count_id", "variance", "id"),
        sa.CheckConstraint("counted >= 0", name="counted"),
    )


class StockCountScan(Tenant, Base):
    """One scan, by its token: a scan that a bad connection sent twice counts once."""

    __tablename__ = "stock_count_scan"
    __append_only__ = True

    token: Mapped[uuid.UUID] = mapped_column(primary_key=True, info=not_pii("random"))
    count_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    mode: Mapped[str] = mapped_column(info=not_pii("whether it adds or replaces"))
    units: Mapped[int] = mapped_column(info=STOCK)
    book: Mapped[int] = mapped_column(info=STOCK)
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.text("clock_timestamp()"), info=TIME)
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))

    __table_args__ = (
        tenant_fk("stock_count", "count_id"),
        sa.Index(None, "merchant_id", "count_id", "at"),
        sa.CheckConstraint(sa.column("mode").in_(SCAN_MODES), name="mode"),
    )
