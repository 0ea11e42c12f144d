"""What a filter lets through, how it reads, and what happens to one that makes no sense."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
import time_machine

from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.formats import Region, in_region
from tests.core.listing.conftest import TAG


def keys(page):
    return sorted(row.key for row in page.rows)


def test_conditions_of_one_group_are_alternatives_and_groups_must_all_hold(fill, read):
    fill(5)
    assert keys(read("f=1.state.is.lost&f=1.state.is.back")) == [1, 2, 4, 5]
    assert keys(read("f=1.state.is.lost&f=2.weight.min.2")) == []
    assert keys(read("f=1.state.is.lost&f=1.price.is.3")) == [1, 3, 4]
    assert keys(read("f=1.state.not.lost&f=2.price.max.3")) == [2, 3]


def test_the_sentence_says_what_is_chosen(fill, read):
    fill(1)
    page = read("f=1.state.is.lost&f=1.state.is.back&f=2.price.min.1200.5&f=3.sent.last.7d&f=4.heavy.is.yes")
    assert [group.text for group in page.groups] == [
        "State is Lost or Back",
        "Price is at least £1,200.50",
        "Sent is last 7 days",
        "Heavy is yes",
    ]


def test_removing_a_chip_keeps_the_other_conditions(fill, read):
    fill(1)
    chips = [
        chip
        for group in read("f=1.state.is.lost&f=1.state.is.back&f=2.price.min.1").groups
        for chip in group.chips
    ]
    assert chips[0].remove_url == "/parcels?f=1.state.is.back&f=2.price.min.1"
    assert chips[2].remove_url == "/parcels?f=1.state.is.lost&f=1.state.is.back"


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ("1.state.is.eaten", "State is none of its choices: “eaten”."),
        ("1.colour.is.red", "Parcels cannot be filtered by “colour”; that condition was left out."),
        ("1.state.likes.lost", "State cannot be compared with “likes”."),
        ("1.price.min.much", "Price: “much” is not a number with at most 4 decimals."),
        ("1.price.min.NaN", "Price: “NaN” is not a number"),
        ("1.price.min.1E400", "Price: “1E400” is not a number"),
        ("1.weight.is.1.5", "Weight: “1.5” is not a whole number."),
        ("1.sent.on.2026-02-30", "Sent: “2026-02-30” is not a date from 1990 on."),
        ("1.sent.since.1989-12-31", "is not a date from 1990 on."),
        ("1.sent.last.0d", "is not a period it knows."),
        ("1.sent.in.never", "is not a period it knows."),
        ("1.heavy.is.maybe", "Heavy: “maybe” is neither yes nor no."),
        ("1.email.starts.%20", "E-mail needs something to look for."),
        ("1.email.is." + "x" * 300, "E-mail: the value is too long."),
        ("nonsense", "A condition could not be read and was left out: “nonsense”."),
        ("²²².state.is.lost", "could not be read"),
        ("1.secret.is.yes", "Parcels cannot be filtered by “secret”"),
    ],
)
def test_a_bad_filter_is_named_and_the_list_still_shows(fill, read, filters, message):
    fill(3)
    page = read(f"f={filters}")
    assert len(page.rows) == 3
    assert any(message in said for said in page.messages)
    assert page.state.terms == ()


def test_a_filter_with_a_permission_is_there_for_those_who_hold_it(fill, read):
    fill(3)
    assert [each.key for each in read("", permissions=frozenset({"audit.view"})).filters][-1] == "secret"
    assert keys(read("f=1.secret.is.no", permissions=frozenset({"audit.view"}))) == [1, 2, 3]


def test_text_is_compared_in_its_normal_form(fill, read):
    fill(12)
    assert keys(read("f=1.email.is.ANNA7@Example.com")) == [7]
    assert keys(read("f=1.email.starts.anna1")) == [1, 10, 11, 12]
    assert keys(read("f=1.email.starts.anna_")) == []


def test_a_filter_reads_through_another_table(fill, read, scope):
    fill(4)
    db.session.connection().execute(sa.insert(TAG), [{"merchant_id": scope, "parcel_id": 2, "tag": "gift"}])
    assert keys(read("f=1.tag.is.gift")) == [2]
    page = read("f=1.tag.is.gift&cols=tags")
    assert page.rows[0].cells[-1] == "gift"


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("on.2026-03-29", [3, 4]),
        ("since.2026-03-29", [3, 4, 5]),
        ("until.2026-03-29", [1, 2, 3, 4]),
        ("last.1d", [5]),
        ("last.2d", [3, 4, 5]),
        ("in.month", [2, 3, 4, 5]),
        ("in.last_month", [1]),
        ("in.week", [5]),
        ("in.last_week", [2, 3, 4]),
        ("in.year", [1, 2, 3, 4, 5]),
        ("in.last_year", []),
    ],
)
def test_days_begin_where_the_person_is(fill, read, term, expected):
    # Clocks in London go forward on 29 March 2026: that day has 23 hours.
    for moment in (
        "2026-02-28T12:00",
        "2026-03-28T23:59",
        "2026-03-29T00:00",
        "2026-03-29T22:59",
        "2026-03-29T23:00",
    ):
        fill(1, sent_at=dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC))
    with time_machine.travel("2026-03-30T10:00Z", tick=False), in_region(Region("en_GB", "Europe/London")):
        assert utc_now().year == 2026
        assert keys(read(f"f=1.sent.{term}")) == expected


def test_the_add_form_works_without_javascript(fill, read):
    fill(3)
    page = read("f=1.state.is.lost&add=price&op=max&value=2")
    assert page.canonical_url == "/parcels?f=1.state.is.lost&f=2.price.max.2"
    page = read("f=1.state.is.lost&add=sent&when=last.7d&op=since&value=")
    assert page.canonical_url == "/parcels?f=1.state.is.lost&f=2.sent.last.7d"
    page = read("f=1.state.is.lost&add=state&op=is&value=back&value=sent&group=1")
    assert page.canonical_url == "/parcels?f=1.state.is.lost&f=1.state.is.back&f=1.state.is.sent"


def test_too_many_conditions_are_cut_off(fill, read):
    fill(1)
    page = read("&".join(f"f={i}.price.min.0" for i in range(1, 60)))
    assert len(page.state.terms) == 40
    assert "40 conditions" in page.messages[0]


def test_what_has_no_index_is_stopped_after_its_time(fill, read, parcels, monkeypatch):
    fill(3)
    slow = sa.func.pg_sleep(1).op("::")(sa.text("text")) == ""
    monkeypatch.setitem(
        parcels.filters_by_key,
        "heavy",
        type(parcels.filters_by_key["heavy"])(key="heavy", label="Heavy", expression=slow),
    )
    with monkeypatch.context() as impatient:
        impatient.setattr("portal.core.listing.statements.BOUNDED_SECONDS", "0.05")
        page = read("f=1.heavy.is.yes")
    assert page.is_slow and "Narrow your filters" in page.messages[-1]
    assert len(read("").rows) == 3


def test_quick_search_finds_by_its_own_condition(fill, read):
    fill(3)
    assert keys(read("q=p0002")) == [2]
    assert keys(read("q=%00")) == [1, 2, 3]
