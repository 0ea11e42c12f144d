"""The rules by which an order finds the places it ships from."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, tenant_fk

ROUTING_STRATEGIES = ("prefer_location", "same_country", "fewest_parcels", "most_stock", "exclude_location")

_RULE = not_pii("setting")


class RoutingRule(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """What matters when places are chosen, for the orders its conditions match; an empty condition matches all.

    Rules count in the order of ``position``. Totals are in the merchant's own currency.
    """

    __tablename__ = "routing_rule"

    name: Mapped[str] = mapped_column(info=_RULE)
    position: Mapped[int] = mapped_column(info=_RULE)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=_RULE)
    strategy: Mapped[str] = mapped_column(info=_RULE)
    location_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    country_codes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}", info=_RULE)
    channel_ids: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger), server_default="{}", info=_RULE)
    tag: Mapped[str | None] = mapped_column(info=_RULE)
    least_total: Mapped[Decimal | None] = mapped_column(info=not_pii("money"))
    most_total: Mapped[Decimal | None] = mapped_column(info=not_pii("money"))

    __table_args__ = (
        tenant_fk("location", "location_id"),
        sa.Index(None, "merchant_id", "position", "id"),
        sa.CheckConstraint(sa.column("strategy").in_(ROUTING_STRATEGIES), name="strategy"),
        sa.CheckConstraint(
            "(location_id IS NOT NULL) = (strategy IN ('prefer_location', 'exclude_location'))",
            name="location",
        ),
    )
