"""Until when a request must be answered, as data per law and kind.

Dates are counted in the merchant's time zone. A deadline that falls on a weekend is not moved to Monday, although
some courts would allow it: `work_by` names the working day before, so that nobody leans on a doubt.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

ALERT_PERCENTS: Final = (50, 75, 90)
SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """How long a law gives, counted from the day of receipt; exactly one of months, days and working days is set.

    ``extended_*`` counts from the day of receipt too, so an extension late in the term gives no extra day.
    """

    law: str
    kinds: frozenset[str]
    source: str
    months: int = 0
    days: int = 0
    working_days: int = 0
    extended_months: int = 0
    extended_days: int = 0
    acknowledge_working_days: int = 0
    needs_identity: bool = True

    @property
    def can_extend(self) -> bool:
        return bool(self.extended_months or self.extended_days)


_ALL_BUT_OBJECTION: Final = frozenset({"access", "erasure", "rectification", "restriction"})

RULES: Final = (
    DeadlineRule("gdpr", _ALL_BUT_OBJECTION, "GDPR art. 12(3)", months=1, extended_months=3),
    DeadlineRule(
        "gdpr",
        frozenset({"objection"}),
        "GDPR art. 12(3), 21",
        months=1,
        extended_months=3,
        needs_identity=False,
    ),
    DeadlineRule(
        "ccpa",
        _ALL_BUT_OBJECTION,
        "CCPA regulations § 7021",
        days=45,
        extended_days=90,
        acknowledge_working_days=10,
    ),
    DeadlineRule(
        "ccpa", frozenset({"objection"}), "CCPA regulations § 7026", working_days=15, needs_identity=False
    ),
)


def rule_for(law: str, kind: str) -> DeadlineRule:
    """The rule of a law for a kind of request.

    Raises:
        LookupError: the law knows no such request.
    """
    for rule in RULES:
        if rule.law == law and kind in rule.kinds:
            return rule
    raise LookupError(f"No deadline rule for {law} {kind}.")


def day_of_receipt(received_at: dt.datetime, zone: ZoneInfo) -> dt.date:
    """The calendar day of an instant where the merchant is."""
    return received_at.astimezone(zone).date()


def due_on(rule: DeadlineRule, received_on: dt.date) -> dt.date:
    """The last day on which an answer is in time."""
    if rule.months:
        return add_months(received_on, rule.months)
    if rule.working_days:
        return add_working_days(received_on, rule.working_days)
    return received_on + dt.timedelta(days=rule.days)


def extended_due_on(rule: DeadlineRule, received_on: dt.date) -> dt.date:
    """The last day after an extension.

    Raises:
        ValueError: the law gives none.
    """
    if not rule.can_extend:
        raise ValueError(f"{rule.source} gives no extension.")
    if rule.extended_months:
        return add_months(received_on, rule.extended_months)
    return received_on + dt.timedelta(days=rule.extended_days)


def can_still_extend(rule: DeadlineRule, received_on: dt.date, today: dt.date) -> bool:
    """Whether the person can still be told of an extension in time: within the first term, its last day included."""
    return rule.can_extend and today <= due_on(rule, received_on)


def acknowledge_by(rule: DeadlineRule, received_on: dt.date) -> dt.date | None:
    """The last day to confirm receipt, where the law asks for that."""
    return (
        add_working_days(received_on, rule.acknowledge_working_days)
        if rule.acknowledge_working_days
        else None
    )


def work_by(due: dt.date) -> dt.date:
    """The last working day on or before *due*."""
    while due.weekday() >= SATURDAY:
        due -= dt.timedelta(days=1)
    return due


def days_left(due: dt.date, now: dt.datetime, zone: ZoneInfo) -> int:
    """Whole days until the last day; 0 on that day, negative when overdue."""
    return (due - now.astimezone(zone).date()).days


def percent_used(received_at: dt.datetime, due: dt.date, now: dt.datetime, zone: ZoneInfo) -> int:
    """How much of the term is gone, 0 to 100 and beyond when overdue; the term ends with the last day."""
    end = dt.datetime.combine(due + dt.timedelta(days=1), dt.time(), zone)
    whole = (end - received_at).total_seconds()
    gone = (now - received_at).total_seconds()
    return max(0, int(gone * 100 // whole)) if whole > 0 else 100


def alert_due(percent: int, alerted: int) -> int | None:
    """The highest alert level that is reached and not yet sent, or None."""
    reached = [level for level in ALERT_PERCENTS if alerted < level <= percent]
    return reached[-1] if reached else None


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day of a later month, or that month's last day: 31 January and one month is 28 or 29 February."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def add_working_days(day: dt.date, days: int) -> dt.date:
    """*days* working days after *day*. Holidays are not known here and count, which errs on the early side."""
    while days:
        day += dt.timedelta(days=1)
        days -= day.weekday() < SATURDAY
    return day
