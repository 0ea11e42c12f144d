"""The days a report is about, and the days before them that it is compared with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from portal.core.errors import DomainError

LONGEST_DAYS: Final = 366 * 5
PRESETS: Final = {
    "7d": ("Last 7 days", 7),
    "30d": ("Last 30 days", 30),
    "90d": ("Last 90 days", 90),
    "365d": ("Last 365 days", 365),
}
USUAL: Final = "30d"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, both ends included."""

    first: dt.date
    last: dt.date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def previous(self) -> Period:
        """As many days, ending the day before."""
        return Period(self.first - dt.timedelta(days=self.days), self.first - dt.timedelta(days=1))

    def dates(self) -> list[dt.date]:
        return [self.first + dt.timedelta(days=offset) for offset in range(self.days)]


def read_period(arguments: Mapping[str, str], today: dt.date) -> Period:
    """The period a query string asks for: ``period=30d``, or ``from=`` and ``to=``.

    Raises:
        DomainError: a date cannot be read, the end is before the beginning, or it is more than five years.
    """
    if not (arguments.get("from") or arguments.get("to")):
        days = PRESETS.get(arguments.get("period", USUAL), PRESETS[USUAL])[1]
        return Period(today - dt.timedelta(days=days - 1), today)
    first, last = _day(arguments.get("from"), "from", today), _day(arguments.get("to"), "to", today)
    if last < first:
        raise DomainError("The last day is before the first. Swap them.", field="to")
    if (last - first).days >= LONGEST_DAYS:
        raise DomainError("Choose at most five years.", field="from")
    return Period(first, last)


def _day(text: str | None, field: str, today: dt.date) -> dt.date:
    if not text:
        return today
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise DomainError(f"{text[:20]} is no date. Write it as 2026-11-20.", field=field) from error
    if not dt.date(1990, 1, 1) <= day <= today + dt.timedelta(days=366):
        raise DomainError("Choose a day after 1990.", field=field)
    return day
