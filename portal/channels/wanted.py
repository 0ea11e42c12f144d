"""What a shop should show: stock that can still be promised less the buffer, and the price in its currency."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.catalog.models import Price
from portal.channels.models import ChannelAccount
from portal.core.database import current_merchant_id, db
from portal.stock.queries import available_by_variant

_price: Final = Price.__table__


def wanted_values(
    account: ChannelAccount, variant_ids: Sequence[int]
) -> dict[int, tuple[int | None, Decimal | None]]:
    """Stock and price each variant should show in this shop now; None where the account or we have none to say.

    What is not counted has no stock to show: a download is not sold out.
    """
    stock = available_by_variant(variant_ids) if account.sends_stock else {}
    prices = _prices(account.price_currency, variant_ids) if account.sends_prices else {}
    return {
        variant_id: (
            max(stock[variant_id] - account.safety_buffer, 0) if variant_id in stock else None,
            prices.get(variant_id),
        )
        for variant_id in variant_ids
    }


def _prices(currency: str, variant_ids: Sequence[int]) -> dict[int, Decimal]:
    rows = db.session.execute(
        sa.select(_price.c.variant_id, _price.c.amount).where(
            _price.c.merchant_id == current_merchant_id(),
            _price.c.currency == currency,
            _price.c.variant_id.in_(variant_ids),
        )
    )
    return {row.variant_id: row.amount for row in rows}
