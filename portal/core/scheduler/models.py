"""The timetable's memory."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import Platform


class ScheduledTask(Platform, Base):
    """When an entry of the timetable runs next and how the last run went."""

    __tablename__ = "scheduled_task"

    name: Mapped[str] = mapped_column(primary_key=True, info=not_pii("name of the task"))
    next_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    started_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    finished_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    error: Mapped[str | None] = mapped_column(info=not_pii("sentence of the program"))
