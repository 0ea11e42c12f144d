"""Where units lie, and how many."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import (
    IdentityKey,
    Tenant,
    Timestamped,
    Versioned,
    tenant_fk,
)

LOCATION_KINDS = ("warehouse", "store", "virtual")

STOCK = not_pii("stock")


class Location(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A place that holds stock: a warehouse, a store."""

    __tablename__ = "location"

    name: Mapped[str] = mapped_column(info=STOCK)
    code: Mapped[str] = mapped_column(sa.Text(collation="C"), info=STOCK)
    kind: Mapped[str] = mapped_column(default="warehouse", server_default="warehouse", info=STOCK)
    address: Mapped[str | None] = mapped_column(info=not_pii("address of a business location"))
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=STOCK)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=not_pii("state"))
    position: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "code"),
        sa.CheckConstraint(sa.column("kind").in_(LOCATION_KINDS), name="kind"),
    )


class StockLevel(Tenant, Base):
    """The units of a variant at a location. ``slot`` is 0 but for hot variants; readers sum over slots.

    ``damaged`` is the part of ``unavailable`` that may only be written off; the rest is in quarantine.
    Never written absolutely: every change is a delta beside a movement, in one transaction.
    """

    __tablename__ = "stock_level"

    # Lists page by one number; nothing points at it.
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), sort_order=-80, info=not_pii("key"))
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    location_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    slot: Mapped[int] = mapped_column(
        sa.SmallInteger, primary_key=True, default=0, server_default="0", info=STOCK
    )
    on_hand: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    allocated: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    reserved: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    unavailable: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    damaged: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    incoming: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    counted_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    updated_at: Mapped[dt.datetime] = mapped_column(
        server_default=sa.func.now(), onupdate=sa.func.now(), info=not_pii("time")
    )

    __table_args__ = (
        tenant_fk("variant", "variant_id"),
        tenant_fk("location", "location_id"),
        sa.CheckConstraint("on_hand - allocated - reserved - unavailable >= 0", name="available"),
        sa.CheckConstraint(
            "on_hand >= 0 AND allocated >= 0 AND reserved >= 0 AND unavailable >= 0 AND incoming >= 0",
            name="counters",
        ),
        sa.CheckConstraint("damaged BETWEEN 0 AND unavailable", name="damaged"),
        sa.UniqueConstraint("merchant_id", "id"),
        sa.Index(None, "merchant_id", "location_id", "variant_id"),
    )
