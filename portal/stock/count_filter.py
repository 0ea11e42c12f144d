"""The filter of levels nobody has counted for some time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa

from portal.core import formats
from portal.core.clock import utc_now
from portal.core.listing import Filter

MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCountedFilter(Filter):
    """Levels whose last count is at least so many days ago, and those that were never counted."""

    operators: ClassVar[dict[str, str]] = {"min": ""}
    control: ClassVar[str] = "number"

    def words(self, operator: str, value: str) -> str:
        return formats.plural(int(value), "day", "days") if value.isdecimal() else "a number of days"

    def _compare(self, operator: str, value: str) -> sa.ColumnElement[bool]:
        if not value.isdecimal() or not 0 <= int(value) <= MOST_DAYS:
            raise ValueError("no number of days")
        before = sa.literal(utc_now() - dt.timedelta(days=int(value)), sa.DateTime(timezone=True))
        return sa.or_(self.expression.is_(None), self.expression < before)

    def _complaint(self, operator: str) -> str:
        return "is no number of days"
