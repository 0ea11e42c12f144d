"""Pages follow each other without a gap and without a row twice, both ways, in every order."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from portal.core.database import db
from portal.core.listing import statements
from portal.core.listing.page import LOST_PLACE
from tests.core.listing.conftest import PARCEL

ORDERS = ["-sent", "sent", "weight", "-weight", "price", "-price", "code", "-code"]


def keys(page):
    return [row.key for row in page.rows]


def query_of(url):
    return urlsplit(url).query


@pytest.mark.parametrize("sort", ORDERS)
def test_walking_to_the_end_and_back_shows_every_row_once_each_way(fill, read, sort):
    fill(23)
    there, page = [], read(f"sort={sort}")
    pages = [keys(page)]
    while page.next_url:
        page = read(query_of(page.next_url))
        pages.append(keys(page))
    there = [key for each in pages for key in each]
    assert sorted(there) == list(range(1, 24))
    back = [keys(page)]
    while page.previous_url:
        page = read(query_of(page.previous_url))
        back.insert(0, keys(page))
    assert back == pages


@pytest.mark.parametrize("sort", ORDERS)
def test_the_order_is_that_of_the_whole_list(fill, read, parcels, sort):
    fill(17)
    page = read(f"sort={sort}")
    shown = keys(page)
    while page.next_url:
        page = read(query_of(page.next_url))
        shown += keys(page)
    whole = statements.execute(statements.Reading(parcels, page.state).keys()).scalars().all()
    assert shown == whole


def test_rows_without_a_value_come_last_in_both_directions(fill, read):
    fill(8, weight=None)
    fill(3, weight=5)
    assert keys(read("sort=weight"))[:3] == [9, 10, 11]
    assert keys(read("sort=-weight"))[:3] == [11, 10, 9]


@pytest.mark.parametrize("place", ["garbage", "AAAA", "%00", "é", "a" * 5000, "eyJhIjogMX0", "====", "-"])
def test_a_bad_cursor_shows_the_first_page_and_says_so(fill, read, place):
    fill(12)
    for name in ("after", "before"):
        page = read(f"{name}={place}")
        assert keys(page) == [12, 11, 10, 9, 8]
        assert LOST_PLACE in page.messages


def test_a_cursor_of_another_sort_is_refused(fill, read):
    fill(12)
    cursor = read("sort=-price").after
    assert LOST_PLACE in read(f"sort=code&after={cursor}").messages


def test_a_cursor_holds_no_readable_value(fill, read):
    fill(12, code="GEHEIM")
    assert "GEHEIM" not in (read("sort=code").after or "")


def test_paging_goes_on_after_the_row_of_the_cursor_was_deleted(fill, read, scope):
    fill(12)
    page = read()
    db.session.connection().execute(sa.delete(PARCEL).where(PARCEL.c.merchant_id == scope, PARCEL.c.id == 8))
    assert keys(read(query_of(page.next_url))) == [7, 6, 5, 4, 3]


def test_going_back_to_a_short_first_page_shows_a_full_one(fill, read):
    fill(12)
    second = read(query_of(read().next_url))
    fill(2)
    back = read(query_of(second.previous_url))
    assert keys(back) == [12, 11, 10, 9, 8]
    assert keys(read(query_of(back.previous_url))) == [14, 13, 12, 11, 10]


def test_the_count_stops_at_the_cap_and_is_carried_along(fill, read, monkeypatch):
    fill(12)
    monkeypatch.setattr(statements, "CAP", 9)
    monkeypatch.setattr("portal.core.listing.page.CAP", 9)
    page = read()
    assert page.count_text == "9+ parcels"
    following = read(query_of(page.next_url))
    assert following.counted == page.counted


def test_a_list_that_fits_on_a_page_is_not_counted_apart(fill, read):
    fill(1)
    page = read()
    assert page.count_text == "1 parcel"
    assert page.next_url is None and page.previous_url is None


def test_another_merchants_rows_are_not_in_it(app, fill, read, scope):
    fill(3)
    with db.engine.connect() as connection:
        assert (
            connection.execute(
                sa.select(sa.func.count()).select_from(PARCEL).where(PARCEL.c.merchant_id == scope)
            ).scalar_one()
            == 0
        )
    assert len(read().rows) == 3
