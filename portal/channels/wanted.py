"""What a shop should show: stock that can still be promised less the buffer, and the price in its currency."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.catalog.models import Price
from portal.channels.models import ChannelAccount
from portal.core.database import current_merchant_id, db
from portal.stock.bundles import bundle_availability
from portal.stock.models import Location, StockLevel

_level: Final = StockLevel.__table__
_location: Final = Location.__table__
_price: Final = Price.__table__


def wanted_values(
    account: ChannelAccount, variant_ids: Sequence[int]
) -> dict[int, tuple[int | None, Decimal | None]]:
    """Stock and price each variant should show in this shop now; None where the account or we have none to say."""
    stock = available_units(variant_ids) | bundle_availability(variant_ids) if account.sends_stock else {}
    prices = _prices(account.price_currency, variant_ids) if account.sends_prices else {}
    return {
        variant_id: (
            max(stock.get(variant_id, 0) - account.safety_buffer, 0) if account.sends_stock else None,
            prices.get(variant_id),
        )
        for variant_id in variant_ids
    }


def available_units(variant_ids: Sequence[int]) -> dict[int, int]:
    """What can still be promised, over all slots and all locations in use."""
    free = sa.func.sum(_level.c.on_hand - _level.c.allocated - _level.c.reserved - _level.c.unavailable)
    rows = db.session.execute(
        sa.select(_level.c.variant_id, free.label("free"))
        .join(
            _location,
            sa.and_(_location.c.merchant_id == _level.c.merchant_id, _location.c.id == _level.c.location_id),
        )
        .where(
            _level.c.merchant_id == current_merchant_id(),
            _level.c.variant_id.in_(variant_ids),
            _location.c.is_active,
        )
        .group_by(_level.c.variant_id)
    )
    return {row.variant_id: int(row.free) for row in rows}


def _prices(currency: str, variant_ids: Sequence[int]) -> dict[int, Decimal]:
    rows = db.session.execute(
        sa.select(_price.c.variant_id, _price.c.amount).where(
            _price.c.merchant_id == current_merchant_id(),
            _price.c.currency == currency,
            _price.c.variant_id.in_(variant_ids),
        )
    )
    return {row.variant_id: row.amount for row in rows}
