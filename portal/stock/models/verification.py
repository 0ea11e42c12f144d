"""Whether levels are what the ledger, the orders and the reservations say: each run, and what it found."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import IdentityKey, Tenant, tenant_fk
from portal.stock.models.levels import STOCK

VERIFICATION_STATES = ("running", "done", "stopped")
FINDING_STATES = ("open", "repaired", "gone")
MOVEMENT_PLACES = ("at", "after", "unknown")


class StockVerification(Tenant, IdentityKey, Base):
    """A run of the verifier: what it read, how long it took, how much did not agree."""

    __tablename__ = "stock_verification"

    job_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    state: Mapped[str] = mapped_column(default="running", server_default="running", info=not_pii("state"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who asked: user, job, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    started_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    finished_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    movements: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=STOCK)
    levels: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=STOCK)
    promises: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=STOCK)
    findings: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "job_id"),
        sa.CheckConstraint(sa.column("state").in_(VERIFICATION_STATES), name="state"),
    )


class StockFinding(Tenant, IdentityKey, Base):
    """A figure of a level that its source does not give.

    ``movement_id`` names the first movement that diverges; with the place ``after`` it is the last one that agreed, and
    the figure went wrong later. ``slot`` is None where the source does not know slots.
    """

    __tablename__ = "stock_finding"

    verification_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    location_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    slot: Mapped[int | None] = mapped_column(sa.SmallInteger, info=STOCK)
    counter: Mapped[str] = mapped_column(info=STOCK)
    source: Mapped[str] = mapped_column(info=not_pii("what it was compared with"))
    level_units: Mapped[int] = mapped_column(sa.BigInteger, info=STOCK)
    source_units: Mapped[int] = mapped_column(sa.BigInteger, info=STOCK)
    movement_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    movement_place: Mapped[str] = mapped_column(
        default="unknown", server_default="unknown", info=not_pii("state")
    )
    state: Mapped[str] = mapped_column(default="open", server_default="open", info=not_pii("state"))
    settled_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    settled_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))

    __table_args__ = (
        tenant_fk("stock_verification", "verification_id", ondelete="CASCADE"),
        sa.Index(None, "merchant_id", "verification_id", "id"),
        sa.Index("stock_finding_open_idx", "merchant_id", "id", postgresql_where=sa.text("state = 'open'")),
        sa.CheckConstraint(sa.column("state").in_(FINDING_STATES), name="state"),
        sa.CheckConstraint(sa.column("movement_place").in_(MOVEMENT_PLACES), name="movement_place"),
    )
