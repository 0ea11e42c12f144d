"""Units on their way from one location to another."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, tenant_fk
from portal.stock.models.documents import KEY, NOTE, STATE, TIME
from portal.stock.models.levels import STOCK

TRANSFER_STATES = ("draft", "in_transit", "partly_received", "received", "cancelled")


class StockTransfer(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A transfer. What it ships leaves the source and is incoming at the destination until it is received there."""

    __tablename__ = "stock_transfer"

    number: Mapped[int] = mapped_column(info=STOCK)
    from_location_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    to_location_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    state: Mapped[str] = mapped_column(default="draft", server_default="draft", info=STATE)
    expected_on: Mapped[dt.date | None] = mapped_column(info=TIME)
    note: Mapped[str | None] = mapped_column(info=NOTE)
    sent_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)
    received_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "number"),
        tenant_fk("location", "from_location_id"),
        tenant_fk("location", "to_location_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.Index(None, "merchant_id", "from_location_id", "id"),
        sa.Index(None, "merchant_id", "to_location_id", "id"),
        sa.CheckConstraint(sa.column("state").in_(TRANSFER_STATES), name="state"),
        sa.CheckConstraint("from_location_id <> to_location_id", name="places"),
    )

    @property
    def is_under_way(self) -> bool:
        """Units of it may still be received."""
        return self.state in ("in_transit", "partly_received")


class StockTransferLine(Tenant, Base):
    """A variant on a transfer. ``quantity`` left the source; received, damaged and missing units are accounted for of it.

    Extra units came without being on the list; a line of quantity 0 holds a variant that nobody listed.
    """

    __tablename__ = "stock_transfer_line"

    transfer_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    quantity: Mapped[int] = mapped_column(info=STOCK)
    received: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    damaged: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    missing: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)
    extra: Mapped[int] = mapped_column(default=0, server_default="0", info=STOCK)

    __table_args__ = (
        tenant_fk("stock_transfer", "transfer_id"),
        tenant_fk("variant", "variant_id"),
        sa.Index(None, "merchant_id", "variant_id", "transfer_id"),
        sa.CheckConstraint(
            "quantity >= 0 AND received >= 0 AND damaged >= 0 AND missing >= 0 AND extra >= 0"
            " AND received + damaged + missing <= quantity",
            name="units",
        ),
    )

    @property
    def outstanding(self) -> int:
        """Units still on their way."""
        return self.quantity - self.received - self.damaged - self.missing
