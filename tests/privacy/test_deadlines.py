"""The clock of every law, from a table of days that have gone wrong elsewhere."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from portal.privacy import deadlines
from portal.privacy.deadlines import rule_for

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
AUCKLAND = ZoneInfo("Pacific/Auckland")


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


DUE = [
    # GDPR: the same day of the next month, or its last day.
    ("gdpr", "access", "2026-01-31", "2026-02-28"),
    ("gdpr", "access", "2028-01-31", "2028-02-29"),
    ("gdpr", "access", "2028-01-30", "2028-02-29"),
    ("gdpr", "access", "2028-01-29", "2028-02-29"),
    ("gdpr", "access", "2027-01-29", "2027-02-28"),
    ("gdpr", "access", "2027-01-28", "2027-02-28"),
    ("gdpr", "erasure", "2028-02-29", "2028-03-29"),
    ("gdpr", "erasure", "2026-02-28", "2026-03-28"),
    ("gdpr", "erasure", "2026-03-31", "2026-04-30"),
    ("gdpr", "erasure", "2026-04-30", "2026-05-30"),
    ("gdpr", "erasure", "2026-05-31", "2026-06-30"),
    ("gdpr", "erasure", "2026-08-31", "2026-09-30"),
    ("gdpr", "erasure", "2026-10-31", "2026-11-30"),
    ("gdpr", "erasure", "2026-12-31", "2027-01-31"),
    ("gdpr", "rectification", "2026-12-01", "2027-01-01"),
    ("gdpr", "restriction", "2026-07-31", "2026-08-31"),
    ("gdpr", "objection", "2026-06-15", "2026-07-15"),
    ("gdpr", "access", "2100-01-31", "2100-02-28"),
    ("gdpr", "access", "2000-01-31", "2000-02-29"),
    # CCPA: 45 days whatever the month, verified or not.
    ("ccpa", "access", "2026-01-01", "2026-02-15"),
    ("ccpa", "access", "2028-01-31", "2028-03-16"),
    ("ccpa", "access", "2027-01-31", "2027-03-17"),
    ("ccpa", "erasure", "2026-12-31", "2027-02-14"),
    ("ccpa", "erasure", "2028-02-29", "2028-04-14"),
    ("ccpa", "rectification", "2026-11-20", "2027-01-04"),
    # CCPA opt-out: 15 working days.
    ("ccpa", "objection", "2026-11-20", "2026-12-11"),
    ("ccpa", "objection", "2026-11-21", "2026-12-11"),
    ("ccpa", "objection", "2026-11-22", "2026-12-11"),
    ("ccpa", "objection", "2026-11-23", "2026-12-14"),
]

EXTENDED = [
    ("gdpr", "access", "2026-01-31", "2026-04-30"),
    ("gdpr", "access", "2026-11-30", "2027-02-28"),
    ("gdpr", "access", "2027-11-30", "2028-02-29"),
    ("gdpr", "erasure", "2026-12-31", "2027-03-31"),
    ("gdpr", "erasure", "2026-11-29", "2027-02-28"),
    ("gdpr", "restriction", "2028-02-29", "2028-05-29"),
    ("ccpa", "access", "2026-01-01", "2026-04-01"),
    ("ccpa", "erasure", "2028-01-01", "2028-03-31"),
    ("ccpa", "erasure", "2026-10-15", "2027-01-13"),
]

MAY_EXTEND = [
    ("gdpr", "access", "2026-01-31", "2026-02-28", True),
    ("gdpr", "access", "2026-01-31", "2026-03-01", False),
    ("gdpr", "erasure", "2026-06-01", "2026-06-30", True),
    ("gdpr", "erasure", "2026-06-01", "2026-07-01", True),
    ("gdpr", "erasure", "2026-06-01", "2026-07-02", False),
    ("ccpa", "erasure", "2026-01-01", "2026-02-15", True),
    ("ccpa", "erasure", "2026-01-01", "2026-02-16", False),
    ("ccpa", "objection", "2026-01-01", "2026-01-02", False),
]

ACKNOWLEDGE = [
    ("ccpa", "access", "2026-11-20", "2026-12-04"),
    ("ccpa", "erasure", "2026-11-21", "2026-12-04"),
    ("ccpa", "erasure", "2026-11-23", "2026-12-07"),
    ("gdpr", "erasure", "2026-11-23", None),
    ("ccpa", "objection", "2026-11-23", None),
]

RECEIVED = [
    # The day is the merchant's day, also in the hours when the clock is changed.
    ("2026-01-31T22:59:59", BERLIN, "2026-01-31"),
    ("2026-01-31T23:00:00", BERLIN, "2026-02-01"),
    ("2026-03-29T00:59:59", BERLIN, "2026-03-29"),
    ("2026-03-28T23:00:00", BERLIN, "2026-03-29"),
    ("2026-10-24T21:59:59", BERLIN, "2026-10-24"),
    ("2026-10-25T22:59:59", BERLIN, "2026-10-25"),
    ("2026-10-25T23:00:00", BERLIN, "2026-10-26"),
    ("2026-03-08T07:59:59", LOS_ANGELES, "2026-03-07"),
    ("2026-11-02T07:59:59", LOS_ANGELES, "2026-11-01"),
    ("2026-12-31T11:00:00", AUCKLAND, "2027-01-01"),
    ("2026-12-31T10:59:59", AUCKLAND, "2026-12-31"),
]

WORK_BY = [
    ("2026-11-20", "2026-11-20"),
    ("2026-11-21", "2026-11-20"),
    ("2026-11-22", "2026-11-20"),
    ("2026-11-23", "2026-11-23"),
    ("2027-01-02", "2027-01-01"),
]

LEFT = [
    ("2026-11-20", "2026-11-20T22:59:59", BERLIN, 0),
    ("2026-11-20", "2026-11-20T23:00:00", BERLIN, -1),
    ("2026-11-21", "2026-11-20T12:00:00", BERLIN, 1),
    ("2026-11-20", "2026-11-21T07:59:59", LOS_ANGELES, 0),
    ("2026-11-20", "2026-11-21T08:00:00", LOS_ANGELES, -1),
    ("2026-03-30", "2026-03-28T12:00:00", BERLIN, 2),
]

ALERTS = [
    (49, 0, None),
    (50, 0, 50),
    (74, 0, 50),
    (74, 50, None),
    (75, 50, 75),
    (89, 75, None),
    (90, 75, 90),
    (130, 0, 90),
    (130, 90, None),
    (0, 0, None),
]


@pytest.mark.parametrize(("law", "kind", "received", "due"), DUE)
def test_it_gives_the_last_day_of_the_first_term(law: str, kind: str, received: str, due: str) -> None:
    assert deadlines.due_on(rule_for(law, kind), day(received)) == day(due)


@pytest.mark.parametrize(("law", "kind", "received", "due"), EXTENDED)
def test_it_counts_an_extension_from_the_day_of_receipt(law: str, kind: str, received: str, due: str) -> None:
    assert deadlines.extended_due_on(rule_for(law, kind), day(received)) == day(due)


@pytest.mark.parametrize(("law", "kind", "received", "today", "allowed"), MAY_EXTEND)
def test_it_allows_an_extension_only_within_the_first_term(
    law: str, kind: str, received: str, today: str, allowed: bool
) -> None:
    assert deadlines.can_still_extend(rule_for(law, kind), day(received), day(today)) is allowed


@pytest.mark.parametrize(("law", "kind", "received", "last"), ACKNOWLEDGE)
def test_it_knows_when_receipt_must_be_confirmed(
    law: str, kind: str, received: str, last: str | None
) -> None:
    assert deadlines.acknowledge_by(rule_for(law, kind), day(received)) == (day(last) if last else None)


@pytest.mark.parametrize(("at", "zone", "expected"), RECEIVED)
def test_it_takes_the_day_from_the_merchants_clock(at: str, zone: ZoneInfo, expected: str) -> None:
    assert deadlines.day_of_receipt(instant(at), zone) == day(expected)


@pytest.mark.parametrize(("due", "expected"), WORK_BY)
def test_it_names_the_working_day_before_a_weekend(due: str, expected: str) -> None:
    assert deadlines.work_by(day(due)) == day(expected)


@pytest.mark.parametrize(("due", "now", "zone", "left"), LEFT)
def test_it_counts_the_days_left_in_the_merchants_zone(due: str, now: str, zone: ZoneInfo, left: int) -> None:
    assert deadlines.days_left(day(due), instant(now), zone) == left


@pytest.mark.parametrize(("percent", "alerted", "expected"), ALERTS)
def test_it_alerts_once_at_each_level(percent: int, alerted: int, expected: int | None) -> None:
    assert deadlines.alert_due(percent, alerted) == expected


def test_it_uses_up_the_term_evenly() -> None:
    received = instant("2026-06-01T00:00:00")
    percents = [
        deadlines.percent_used(received, day("2026-06-30"), received + dt.timedelta(days=d), UTC)
        for d in (0, 15, 27, 30, 33)
    ]
    assert percents == [0, 50, 90, 100, 110]


def test_it_refuses_a_law_it_does_not_know() -> None:
    with pytest.raises(LookupError):
        rule_for("lgpd", "access")
    with pytest.raises(ValueError, match="no extension"):
        deadlines.extended_due_on(rule_for("ccpa", "objection"), day("2026-01-01"))


def test_only_an_objection_needs_no_identity() -> None:
    assert {kind for rule in deadlines.RULES if not rule.needs_identity for kind in rule.kinds} == {
        "objection"
    }


def test_the_table_is_long_enough() -> None:
    assert sum(map(len, (DUE, EXTENDED, MAY_EXTEND, ACKNOWLEDGE, RECEIVED, WORK_BY, LEFT, ALERTS))) >= 60
