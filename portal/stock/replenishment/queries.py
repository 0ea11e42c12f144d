"""Read what runs low now, for the home page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from portal.catalog.models import Product, Variant
from portal.core.database import current_merchant_id, db
from portal.stock.models import Location, LowStockNotice, StockLevel
from portal.stock.models.replenishment import EVERYWHERE

SHOWN: Final = 8
CAP: Final = 1_000

_notice: Final = LowStockNotice.__table__.c
_level: Final = StockLevel.__table__.c
_variant: Final = Variant.__table__.c
_product: Final = Product.__table__.c
_location: Final = Location.__table__.c


def running_low() -> tuple[Sequence[sa.RowMapping], int]:
    """What stands at or below a threshold, the emptiest first, and how much of it there is (counted to 1,000)."""
    standing = (
        sa.select(_notice.merchant_id, _notice.variant_id, _notice.location_id, _notice.minimum)
        .where(_notice.merchant_id == current_merchant_id(), _notice.cleared_at.is_(None))
        .limit(CAP + 1)
        .subquery("standing")
    )
    free = (
        sa.select(
            sa.func.coalesce(
                sa.func.sum(_level.on_hand - _level.allocated - _level.reserved - _level.unavailable), 0
            ).label("available")
        )
        .where(
            _level.merchant_id == current_merchant_id(),
            _level.variant_id == standing.c.variant_id,
            sa.or_(standing.c.location_id == EVERYWHERE, _level.location_id == standing.c.location_id),
        )
        .lateral("free")
    )
    rows = (
        db.session.execute(
            sa.select(
                standing.c.variant_id,
                standing.c.location_id,
                standing.c.minimum,
                free.c.available,
                _variant.sku,
                _variant.title.label("variant"),
                _product.title.label("product"),
                _location.name.label("place"),
                sa.func.count().over().label("total"),
            )
            .select_from(_with_names(standing, free))
            .where(
                _variant.merchant_id == current_merchant_id(),
                sa.or_(standing.c.location_id == EVERYWHERE, _location.is_active),
            )
            .order_by(free.c.available - standing.c.minimum, standing.c.variant_id, standing.c.location_id)
            .limit(SHOWN)
        )
        .mappings()
        .all()
    )
    return rows, (int(rows[0]["total"]) if rows else 0)


def _with_names(standing: sa.Subquery, free: sa.FromClause) -> sa.Join:
    return (
        standing.join(free, sa.true())
        .join(
            Variant.__table__,
            sa.and_(_variant.merchant_id == standing.c.merchant_id, _variant.id == standing.c.variant_id),
        )
        .join(
            Product.__table__,
            sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
        )
        .outerjoin(
            Location.__table__,
            sa.and_(_location.merchant_id == _variant.merchant_id, _location.id == standing.c.location_id),
        )
    )
