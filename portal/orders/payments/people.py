"""What privacy asks of payments: which gateways got data of a person."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from portal.core.database import db
from portal.orders.models import GatewayAccount, OrderPayment, OrderRef


def names_of_gateways(merchant_id: int, subject_ids: Sequence[int]) -> list[str]:
    """The gateways through which these people paid."""
    statement = (
        sa.select(GatewayAccount.name)
        .join(
            OrderPayment,
            sa.and_(
                OrderPayment.merchant_id == GatewayAccount.merchant_id,
                OrderPayment.account_id == GatewayAccount.id,
            ),
        )
        .join(
            OrderRef,
            sa.and_(
                OrderRef.merchant_id == OrderPayment.merchant_id, OrderRef.order_id == OrderPayment.order_id
            ),
        )
        .where(OrderRef.subject_id.in_(subject_ids))
        .distinct()
    )
    return list(db.session.scalars(statement))
