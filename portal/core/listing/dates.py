"""Dates of a filter: a day, or one that moves with today, always in the zone of the person's region."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final
from zoneinfo import ZoneInfo

from portal.core.clock import utc_now
from portal.core.formats import current_region

RELATIVE: Final = {
    "1d": "today",
    "2d": "since yesterday",
    "7d": "last 7 days",
    "30d": "last 30 days",
    "90d": "last 90 days",
    "365d": "last 365 days",
}
PERIODS: Final = {
    "week": "this week",
    "month": "this month",
    "year": "this year",
    "last_week": "last week",
    "last_month": "last month",
    "last_year": "last year",
}
_DAYS: Final = re.compile(r"^(\d{1,4})d$")
EARLIEST: Final = dt.date(1990, 1, 1)


def parse_day(text: str) -> dt.date:
    """A day as a form sends it.

    Raises:
        ValueError: it is none, or lies before 1990, where the time-ordered ids begin.
    """
    day = dt.date.fromisoformat(text)
    if day < EARLIEST or day.year > 2199:
        raise ValueError("out of range")
    return day


def days_back(text: str) -> int:
    """The number of days in "7d".

    Raises:
        ValueError: it is not of that form.
    """
    found = _DAYS.match(text)
    if not found or not 1 <= int(found[1]) <= 9999:
        raise ValueError("no number of days")
    return int(found[1])


def today() -> dt.date:
    return utc_now().astimezone(_zone()).date()


def start_of(day: dt.date) -> dt.datetime:
    """The instant the day begins where the person is."""
    return dt.datetime.combine(day, dt.time(), _zone()).astimezone(dt.UTC)


def span(operator: str, value: str) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The half-open range [from, to) that an operator of a date filter means today.

    Raises:
        ValueError: the value does not fit the operator.
    """
    now = today()
    match operator:
        case "on":
            day = parse_day(value)
            return start_of(day), start_of(day + dt.timedelta(days=1))
        case "since":
            return start_of(parse_day(value)), None
        case "until":
            return None, start_of(parse_day(value) + dt.timedelta(days=1))
        case "last":
            first = now - dt.timedelta(days=min(days_back(value), (now - EARLIEST).days + 1) - 1)
            return start_of(first), start_of(now + dt.timedelta(days=1))
        case "in":
            first, after = _period(value, now)
            return start_of(first), start_of(after)
    raise ValueError("unknown comparison")


def _period(name: str, now: dt.date) -> tuple[dt.date, dt.date]:
    monday, month, year = (
        now - dt.timedelta(days=now.weekday()),
        now.replace(day=1),
        now.replace(month=1, day=1),
    )
    next_month = (month + dt.timedelta(days=32)).replace(day=1)
    last_month = (month - dt.timedelta(days=1)).replace(day=1)
    week = dt.timedelta(days=7)
    found = {
        "week": (monday, monday + week),
        "month": (month, next_month),
        "year": (year, year.replace(year=year.year + 1)),
        "last_week": (monday - week, monday),
        "last_month": (last_month, month),
        "last_year": (year.replace(year=year.year - 1), year),
    }.get(name)
    if found is None:
        raise ValueError("unknown period")
    return found


def _zone() -> ZoneInfo:
    return ZoneInfo(current_region().zone)


def start_day(moment: dt.datetime) -> dt.date:
    """The day of an instant that `start_of` made."""
    return moment.astimezone(_zone()).date()
