"""What came in from a shop, by the number it has there."""

from __future__ import annotations

import sqlalchemy as sa

from portal.channels.models import ChannelInboundOrder
from portal.core.database import db
from portal.orders.models import Order


def inbound(external_id: int) -> ChannelInboundOrder:
    db.session.expire_all()
    return db.session.scalars(
        sa.select(ChannelInboundOrder).where(ChannelInboundOrder.external_id == str(external_id))
    ).one()


def order_of(external_id: int) -> Order:
    row = inbound(external_id)
    return db.session.scalars(sa.select(Order).where(Order.id == row.order_id)).one()
