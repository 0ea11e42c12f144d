"""What a merchant asks of the people who change stock."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant, Timestamped, Versioned


class StockSetting(Tenant, Versioned, Timestamped, Base):
    """One row per merchant; without it nobody must give a reason."""

    __tablename__ = "stock_setting"

    # Ids of roles. A role that was deleted since binds nobody.
    reason_role_ids: Mapped[list[Any]] = mapped_column(
        JSONB, default=list, server_default="[]", info=not_pii("setting")
    )

    __table_args__ = (sa.CheckConstraint("jsonb_typeof(reason_role_ids) = 'array'", name="roles"),)
