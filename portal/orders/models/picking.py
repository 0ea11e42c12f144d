"""Pick lists: what is fetched from the shelves of one location for many orders, and each scan that says so."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, tenant_fk
from portal.orders.models.parts import CODE, CONTENT, KEY, STATE, TIME

PICK_STATES = ("open", "done", "cancelled")


class PickList(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A wave: parcels of many orders from one location that one person picks."""

    __tablename__ = "pick_list"

    number: Mapped[int] = mapped_column(info=not_pii("number of a paper of the warehouse"))
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    state: Mapped[str] = mapped_column(default="open", server_default="open", info=STATE)
    made_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    wanted: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("units to fetch"))
    order_count: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    done_at: Mapped[dt.datetime | None] = mapped_column(info=TIME)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "number"),
        tenant_fk("location", "location_id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.Index(None, "merchant_id", "location_id", "id"),
        sa.CheckConstraint(sa.column("state").in_(PICK_STATES), name="state"),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done"),
    )


class PickLine(Tenant, Base):
    """Units of one variant for one line of one parcel. A bundle's line has a row per component."""

    __tablename__ = "pick_line"

    pick_list_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    order_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    fulfilment_n: Mapped[int] = mapped_column(info=KEY)
    line_n: Mapped[int] = mapped_column(info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=KEY)
    sku: Mapped[str] = mapped_column(CODE, info=CONTENT)
    title: Mapped[str] = mapped_column(info=CONTENT)
    wanted: Mapped[int] = mapped_column(info=CONTENT)
    picked: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)
    short: Mapped[int] = mapped_column(default=0, server_default="0", info=CONTENT)

    __table_args__ = (
        tenant_fk("pick_list", "pick_list_id", ondelete="CASCADE"),
        tenant_fk("order_ref", "order_id", target_column="order_id"),
        tenant_fk("variant", "variant_id"),
        sa.Index(None, "merchant_id", "pick_list_id", "variant_id", "n"),
        sa.Index(None, "merchant_id", "order_id"),
        sa.Index(None, "merchant_id", "variant_id"),
        sa.CheckConstraint("wanted > 0 AND picked >= 0 AND short >= 0", name="counters"),
        sa.CheckConstraint("picked + short <= wanted", name="within"),
    )


class PickScan(Tenant, Base):
    """One scan, under a token the phone chose: sent twice it counts once."""

    __tablename__ = "pick_scan"

    pick_list_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, info=KEY)
    token: Mapped[uuid.UUID] = mapped_column(primary_key=True, info=not_pii("random"))
    line_n: Mapped[int | None] = mapped_column(info=KEY)
    code: Mapped[str] = mapped_column(CODE, info=not_pii("code of a product"))
    units: Mapped[int] = mapped_column(default=1, server_default="1", info=CONTENT)
    answer: Mapped[str] = mapped_column(info=STATE)
    by_user: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (tenant_fk("pick_list", "pick_list_id", ondelete="CASCADE"),)
