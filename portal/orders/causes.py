"""Orders as the stock ledger and the rows of jobs name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from flask import url_for

from portal.core.database import current_merchant_id, db
from portal.core.http import can
from portal.core.jobs import RowName
from portal.orders.models import OrderRef
from portal.stock.causes import Cause


def order_causes(order_ids: Sequence[int]) -> Mapping[int, Cause]:
    """The numbers of orders, with a link for those who may open them."""
    ref = OrderRef.__table__.c
    rows = db.session.execute(
        sa.select(ref.order_id, ref.number).where(
            ref.merchant_id == current_merchant_id(), ref.order_id.in_(order_ids)
        )
    )
    return {
        row.order_id: Cause(
            f"Order {row.number}", url_for("orders.order", number=row.number) if can("orders.view") else None
        )
        for row in rows
    }


def order_rows(keys: Sequence[str]) -> Mapping[str, RowName]:
    """The rows of a job over orders, whose keys are their ids."""
    named = order_causes([int(key) for key in keys])
    return {str(order_id): RowName(cause.words, cause.url) for order_id, cause in named.items()}
