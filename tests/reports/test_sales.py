"""Figures of the reports are those of the order book, and lead to the orders that sum to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask

from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.outbox import run_consumers
from portal.orders import services
from portal.orders.outside import record_refund
from portal.reports import queries
from portal.reports.commands import rebuild_rollups
from portal.reports.drilldown import parts_of
from portal.reports.periods import Period, read_period
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person
from tests.support.shop import Shop, open_shop
from tests.support.waiting import settle, until

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


@pytest.fixture
def today() -> dt.date:
    return utc_now().date()


@pytest.fixture
def shop(scope: int) -> Shop:
    """Three sales, one of them refunded in part, and one cancelled."""
    shop = open_shop({"MUG": 50, "PLATE": 50})
    yesterday = utc_now() - dt.timedelta(days=1)
    shop.order(("MUG", 2, "4.50"), ("PLATE", 1, "6"), placed_at=yesterday, paid="15")
    refunded = shop.order(("MUG", 1, "4.50"), paid="4.50")
    shop.order(("PLATE", 3, "6"), shipping="2")
    cancelled = shop.order(("MUG", 9, "4.50"))
    record_refund(refunded.order_id, "R1", Decimal("1.50"), by=SYSTEM)
    services.cancel_order(cancelled.order_id, by=SYSTEM)
    rebuild_rollups()
    return shop


def test_sums_are_those_of_the_order_book(shop: Shop, today: dt.date) -> None:
    period = Period(today - dt.timedelta(days=2), today)
    sums = queries.totals(period, "GBP")
    assert (sums.orders, sums.units, sums.gross, sums.refunded, sums.net) == (
        3, 7, Decimal("39.50"), Decimal("1.50"), Decimal("38.00"),
    )  # fmt: skip


@pytest.mark.parametrize("dimension", ["product", "country", "channel"])
def test_every_report_sums_to_the_whole_and_leads_to_its_orders(
    shop: Shop, dimension: str, today: dt.date
) -> None:
    period = Period(today - dt.timedelta(days=2), today)
    lines = queries.sales(dimension, period, "GBP")
    without_delivery = Decimal(2) if dimension == "product" else 0
    assert sum(line.now.gross for line in lines) == Decimal("39.50") - without_delivery
    for line in lines:
        parts = parts_of(dimension, line.key, period, "GBP")
        assert (parts.sums.gross, parts.sums.units) == (line.now.gross, line.now.units)
        assert sum(part.amount for part in parts.orders) == line.now.gross
        assert dimension == "product" or parts.sums.refunded == line.now.refunded


def test_the_report_follows_the_order_book(scope: int, today: dt.date) -> None:
    shop = open_shop({"MUG": 5})
    shop.order(("MUG", 2, "4.50"))
    settle()

    def has_followed() -> bool:
        run_consumers()
        return queries.totals(Period(today, today), "GBP").gross == Decimal(9)

    until(has_followed)
    assert queries.refreshed_at() is not None


def test_the_period_before_stands_beside(shop: Shop, today: dt.date) -> None:
    lines = queries.sales("day", Period(today, today), "GBP")
    assert [(line.now.gross, line.before.gross) for line in lines] == [(Decimal("24.50"), Decimal("15.00"))]


def test_a_rebuild_changes_nothing(shop: Shop, today: dt.date) -> None:
    period = Period(today - dt.timedelta(days=2), today)
    before = [queries.sales(name, period, "GBP") for name in queries.DIMENSIONS]
    db.session.rollback()
    rebuild_rollups()
    assert [queries.sales(name, period, "GBP") for name in queries.DIMENSIONS] == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"from": "yesterday"}, "is no date"), ({"from": "2026-02-02", "to": "2026-02-01"}, "before the first"),
     ({"from": "1900-01-01"}, "after 1990"), ({"from": "2019-01-01", "to": "2026-01-01"}, "five years")],
)  # fmt: skip
def test_a_period_that_makes_no_sense_is_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        read_period(arguments, dt.date(2026, 11, 20))


@pytest.mark.parametrize("by", ["day", "product", "country", "channel", "nonsense"])
def test_the_page_shows_every_report(shop: Shop, login: Login, member: Member, by: str) -> None:
    answer = login(member("analyst")).get(f"/reports?by={by}&basis=net")
    assert answer.status_code == 200
    assert "£38.00" in answer.get_data(as_text=True)


def test_the_drill_down_says_that_it_adds_up(shop: Shop, login: Login, member: Member) -> None:
    page = (
        login(member("owner"))
        .get(f"/reports/orders?by=channel&key={shop.channel_id}&period=7d")
        .get_data(as_text=True)
    )
    assert "3 orders sum to" in page
    assert "£39.50" in page


@pytest.mark.parametrize("key", ["x", "9" * 40, "-1", "٣"])
def test_a_row_that_cannot_be_is_not_found_politely(
    shop: Shop, login: Login, member: Member, key: str
) -> None:
    assert login(member("owner")).get(f"/reports/orders?by=product&key={key}").status_code in {404, 422}


def test_the_export_is_the_screen_and_needs_the_right(shop: Shop, login: Login, member: Member) -> None:
    text = login(member("analyst")).get("/reports/export?by=channel&period=7d").get_data(as_text=True)
    assert "Web shop,GBP,3,7,39.50,1.50,38.00" in text
    assert login(member("read-only")).get("/reports/export").status_code == 403


def test_another_merchant_sees_nothing_of_it(app: Flask, shop: Shop, login: Login) -> None:
    stranger = login(make_person(app, make_merchant(app), "owner"))
    page = stranger.get("/reports?by=product").get_data(as_text=True)
    assert "Mug" not in page
    assert "No sales in this period" in page


def test_home_shows_sales_to_those_who_may_see_them(shop: Shop, login: Login, member: Member) -> None:
    assert "Sales today" in login(member("owner")).get("/").get_data(as_text=True)
    assert "Sales today" not in login(member("warehouse")).get("/").get_data(as_text=True)
