"""A cancelled order's vouchers may be used again."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.outbox import Event, consumer
from portal.orders.models import Order, VoucherUse
from portal.orders.vouchers.using import give_vouchers_back

_order, _use = Order.__table__, VoucherUse.__table__


@consumer("vouchers", kinds=("order.cancelled", "order.changed"))
def follow_cancellations(events: Sequence[Event]) -> None:
    """Give back the vouchers of those orders that are cancelled now."""
    merchant_id = current_merchant_id()
    order_ids = sorted({event.payload["order_id"] for event in events if "order_id" in event.payload})
    cancelled = db.session.scalars(
        sa.select(_order.c.id)
        .join(_use, sa.and_(_use.c.merchant_id == _order.c.merchant_id, _use.c.order_id == _order.c.id))
        .where(
            _order.c.merchant_id == merchant_id,
            _use.c.merchant_id == merchant_id,
            _order.c.id.in_(order_ids),
            _order.c.state == "cancelled",
            _use.c.returned_at.is_(None),
        )
    ).all()
    for order_id in sorted(set(cancelled)):
        give_vouchers_back(order_id)
