"""Changes of an order: what was proposed, and what was confirmed with the money and units it moved."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import partitioned_by
from portal.orders.models.parts import CONTENT, KEY, MONEY, STATE, TIME, Numbered, OfOrder, order_fk

CHANGE_KINDS = ("edit", "cancel", "refund", "return", "exchange", "claim", "goodwill")
DRAFT_STATES = ("open", "waiting", "confirmed", "dropped", "refused")
CHANGE_PARTS = ("line", "charge")

_ZERO = Decimal(0)
_UNITS = not_pii("units")


class OrderChangeDraft(Numbered, Base):
    """A change that someone began: previewed, then confirmed or dropped; ``waiting`` for a second person's yes."""

    __tablename__ = "order_change_draft"

    kind: Mapped[str] = mapped_column(info=STATE)
    state: Mapped[str] = mapped_column(default="open", server_default="open", info=STATE)
    proposal: Mapped[dict[str, Any]] = mapped_column(
        JSONB, info=not_pii("numbers of lines, units and amounts")
    )
    reason_code: Mapped[str] = mapped_column(info=not_pii("a reason of a list"))
    note: Mapped[str | None] = mapped_column(info=pii(category="free_text"))
    seen_version: Mapped[int] = mapped_column(info=not_pii("version of the order it was previewed on"))
    refund_amount: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    decided_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)
    changed_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (
        order_fk(),
        sa.Index(
            "order_change_draft_waiting_idx",
            "merchant_id",
            "order_id",
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        sa.CheckConstraint(sa.column("kind").in_(CHANGE_KINDS), name="kind"),
        sa.CheckConstraint(sa.column("state").in_(DRAFT_STATES), name="state"),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> actor_id", name="second_person"),
        partitioned_by("order_id"),
    )


class OrderChange(Numbered, Base):
    """A confirmed change. Its deltas sum to what the order's head says; append-only.

    ``charged_delta`` was put on the total, ``credited_delta`` taken off it. ``refund_amount`` is what was asked to be
    given back with it; the refund itself is a row of its own, for a gateway may still refuse it.
    """

    __tablename__ = "order_change"
    __append_only__ = True

    kind: Mapped[str] = mapped_column(info=STATE)
    reason_code: Mapped[str] = mapped_column(info=not_pii("a reason of a list"))
    return_n: Mapped[int | None] = mapped_column(info=KEY)
    charged_delta: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)
    charged_tax_delta: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)
    credited_delta: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)
    credited_tax_delta: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)
    refund_amount: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)
    destination: Mapped[str | None] = mapped_column(info=STATE)
    due_after: Mapped[Decimal] = mapped_column(info=MONEY)
    credit_after: Mapped[Decimal] = mapped_column(info=MONEY)
    actor_kind: Mapped[str] = mapped_column(info=not_pii("who: user, job, channel, system"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key of a user of the portal"))
    approved_by: Mapped[int | None] = mapped_column(
        sa.BigInteger, info=not_pii("key of a user of the portal")
    )
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=TIME)

    __table_args__ = (
        order_fk(),
        sa.CheckConstraint(sa.column("kind").in_(CHANGE_KINDS), name="kind"),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> actor_id", name="second_person"),
        sa.CheckConstraint("refund_amount >= 0", name="refund"),
        partitioned_by("order_id"),
    )


class OrderChangeLine(OfOrder, Base):
    """What a change did to one line or charge: units and money, each with its sign. Append-only."""

    __tablename__ = "order_change_line"
    __append_only__ = True

    change_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    part: Mapped[str] = mapped_column(primary_key=True, info=STATE)
    part_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, info=KEY)
    added_units: Mapped[int] = mapped_column(default=0, server_default="0", info=_UNITS)
    cancelled_units: Mapped[int] = mapped_column(default=0, server_default="0", info=_UNITS)
    credited_units: Mapped[int] = mapped_column(default=0, server_default="0", info=_UNITS)
    back_units: Mapped[int] = mapped_column(
        default=0, server_default="0", info=not_pii("units that came back")
    )
    fate: Mapped[str | None] = mapped_column(
        info=not_pii("what became of the units: sale, quarantine, write_off")
    )
    unit_price: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=CONTENT)
    charged_delta: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)
    charged_tax_delta: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)
    credited_delta: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)
    credited_tax_delta: Mapped[Decimal] = mapped_column(default=_ZERO, server_default="0", info=MONEY)

    __table_args__ = (
        order_fk(),
        sa.CheckConstraint(sa.column("part").in_(CHANGE_PARTS), name="part"),
        partitioned_by("order_id"),
    )
