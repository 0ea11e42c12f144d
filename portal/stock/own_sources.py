"""The sources that stock itself keeps: what is reserved, and what is on its way from suppliers and other locations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from portal.core import formats
from portal.core.database import current_merchant_id, db
from portal.stock.causes import Cause, register_cause
from portal.stock.models import (
    PurchaseOrder,
    PurchaseOrderLine,
    StockReservation,
    StockReservationLine,
    StockTransfer,
    StockTransferLine,
)
from portal.stock.sources import Source, register_source

HOLDERS = {
    "basket": "Basket",
    "draft": "Draft",
    "payment": "Order that waits for payment",
    "exchange": "Exchange",
}


def register_own_sources() -> None:
    """Called once at start."""
    register_source(Source("reservations", "reserved", "Reservations", "reservation", _reserved))
    register_source(Source("purchases", "incoming", "Purchase orders", "purchase", _ordered))
    register_source(Source("transfers", "incoming", "Transfers on their way", "transfer", _on_the_way))
    register_cause("reservation", reservation_causes)


def reservation_causes(reservation_ids: Sequence[int]) -> Mapping[int, Cause]:
    """Who holds units, and until when."""
    held = StockReservation.__table__.c
    statement: sa.Select[Any] = sa.select(held.id, held.holder, held.key, held.state, held.expires_at).where(
        held.merchant_id == current_merchant_id(), held.id.in_(reservation_ids)
    )
    return {row.id: Cause(_words(row)) for row in db.session.execute(statement)}


def _words(row: sa.Row[Any]) -> str:
    words = f"{HOLDERS.get(row.holder, row.holder.capitalize())} {row.key}"
    return f"{words}, until {formats.when(row.expires_at)}" if row.state == "held" else words


def _reserved() -> sa.Select[Any]:
    held, line = StockReservation.__table__.c, StockReservationLine.__table__.c
    return (
        sa.select(line.variant_id, line.location_id, line.quantity.label("units"), held.id.label("holder_id"))
        .join_from(
            StockReservationLine.__table__,
            StockReservation.__table__,
            sa.and_(held.merchant_id == line.merchant_id, held.id == line.reservation_id),
        )
        .where(line.merchant_id == current_merchant_id(), held.state == "held")
    )


def _ordered() -> sa.Select[Any]:
    head, line = PurchaseOrder.__table__.c, PurchaseOrderLine.__table__.c
    return (
        sa.select(
            line.variant_id,
            head.location_id,
            sa.func.greatest(0, line.quantity - line.received - line.damaged - line.waived).label("units"),
            head.id.label("holder_id"),
        )
        .join_from(
            PurchaseOrderLine.__table__,
            PurchaseOrder.__table__,
            sa.and_(head.merchant_id == line.merchant_id, head.id == line.purchase_id),
        )
        .where(line.merchant_id == current_merchant_id(), head.state.in_(("ordered", "partly_received")))
    )


def _on_the_way() -> sa.Select[Any]:
    head, line = StockTransfer.__table__.c, StockTransferLine.__table__.c
    return (
        sa.select(
            line.variant_id,
            head.to_location_id.label("location_id"),
            (line.quantity - line.received - line.damaged - line.missing).label("units"),
            head.id.label("holder_id"),
        )
        .join_from(
            StockTransferLine.__table__,
            StockTransfer.__table__,
            sa.and_(head.merchant_id == line.merchant_id, head.id == line.transfer_id),
        )
        .where(line.merchant_id == current_merchant_id(), head.state.in_(("in_transit", "partly_received")))
    )
