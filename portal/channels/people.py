"""What privacy asks of channels: which shop has data of a person, and how their sealed document opens."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from portal.channels.inbox import place_of_document
from portal.channels.models import ChannelAccount, ChannelInboundOrder
from portal.core import keyring
from portal.core.database import db


def names_of_receivers(merchant_id: int, subject_ids: Sequence[int]) -> list[str]:
    """The shops that sent orders of these people, and so hold their data."""
    statement = (
        sa.select(ChannelAccount.name)
        .join(
            ChannelInboundOrder,
            sa.and_(
                ChannelInboundOrder.merchant_id == ChannelAccount.merchant_id,
                ChannelInboundOrder.account_id == ChannelAccount.id,
            ),
        )
        .where(ChannelInboundOrder.subject_id.in_(subject_ids))
        .distinct()
    )
    return list(db.session.scalars(statement))


def sealed_document(row: sa.RowMapping) -> bytes:
    """The document of an order as the shop sent it, for the copy a person asks for."""
    return keyring.decrypt(
        row["payload"], place_of_document(row["account_id"], row["external_id"]), row["subject_id"]
    )
