"""Which units, on which shelf, are promised to a line."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.tenancy import partitioned_by
from portal.orders.models.parts import CONTENT, KEY, OfOrder, order_fk

PROMISE_STATES = ("none", "pending", "allocated", "backordered", "preordered", "short")


class OrderAllocation(OfOrder, Base):
    """Units of one level that wait for a line. A bundle's line has a row per component.

    What left or was given back has no row any more; ``order_line.allocated_quantity`` is what the rows cover, in units
    of the line.
    """

    __tablename__ = "order_allocation"

    line_n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-80, info=KEY)
    variant_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=KEY)
    location_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=KEY)
    slot: Mapped[int] = mapped_column(
        sa.SmallInteger, primary_key=True, default=0, server_default="0", info=KEY
    )
    quantity: Mapped[int] = mapped_column(info=CONTENT)

    __table_args__ = (
        order_fk(),
        sa.Index(None, "merchant_id", "variant_id", "location_id", "order_id"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        partitioned_by("order_id"),
    )
