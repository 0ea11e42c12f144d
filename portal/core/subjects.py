"""The person behind the rows of one merchant: a customer or a guest contact. It holds no data of them."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant, TimeKey


class DataSubject(Tenant, TimeKey, Base):
    """One person at one merchant. Personal rows point here; the person's key in the key database carries this id.

    The same person at two merchants is two subjects. The row outlives erasure, as the anchor of what must remain.
    """

    __tablename__ = "data_subject"
    __subject_path__ = "id"

    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    restricted_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time processing was restricted"))
    erased_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time of erasure"))
