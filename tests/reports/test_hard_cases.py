"""Reports under odd addresses, odd names and no sales."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from portal.core.database import db
from portal.orders.models import SalesChannel
from portal.reports.commands import rebuild_rollups
from tests.support.client import HouseClient
from tests.support.people import Person
from tests.support.shop import open_shop

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


@pytest.mark.parametrize("query", [
    "from=0001-01-01", "from=9999-12-31&to=9999-12-31", "from=x&to=%00", "from=2026-02-30", "from=2020-01-01&to=2019-01-01",
    "from=1990-01-01&to=2026-01-01", "period=%00", "period=99999999999d", "by=%00", "by=../x", "currency=%00", "currency=XXX",
    "currency=" + "A" * 3000, "basis=%00", "from=%D9%A2%D9%A0%D9%A2%D9%A6-01-01", "by=product&period=365d",
])  # fmt: skip
def test_an_odd_address_is_answered_in_words(scope: int, login: Login, member: Member, query: str) -> None:
    client = login(member("owner"))
    for path in ("/reports", "/reports/export", "/reports/orders"):
        assert client.get(f"{path}?{query}").status_code in (200, 422), path


@pytest.mark.parametrize("query", [
    "by=product&key=%00", "by=product&key=" + "9" * 30, "by=channel&key=-1", "by=country&key=%00", "by=country&key=" + "A" * 5000,
    "by=day&before=" + "9" * 40, "by=day&before=-1", "by=day&before=x", "by=channel&key=%D9%A1",
])  # fmt: skip
def test_an_odd_row_of_a_report_is_answered_in_words(
    scope: int, login: Login, member: Member, query: str
) -> None:
    assert login(member("owner")).get(f"/reports/orders?{query}").status_code in (200, 404, 422)


def test_no_sales_say_so_everywhere(scope: int, login: Login, member: Member) -> None:
    client = login(member("owner"))
    assert "There are no sales yet" in client.get("/").text
    for dimension in ("day", "product", "country", "channel"):
        assert "No sales in this period" in client.get(f"/reports?by={dimension}").text


def test_names_in_the_export_are_never_formulas(scope: int, login: Login, member: Member) -> None:
    shop = open_shop({"MUG": 10})
    name = '=HYPERLINK("http://example.com","x")'
    db.session.get_one(SalesChannel, (scope, shop.channel_id)).name = name
    shop.order(("MUG", 1, "4.50"))
    rebuild_rollups()
    client = login(member("owner"))
    text = client.get("/reports/export?by=channel").get_data(as_text=True).removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1][0] == "'" + name
    assert rows[1][4] == "4.50"


@pytest.mark.parametrize("role", ["warehouse", "support"])
def test_home_shows_sales_only_to_those_who_may_see_them(
    scope: int, login: Login, member: Member, role: str
) -> None:
    person = member(role)
    client = login(person)
    may = client.get("/reports").status_code == 200
    assert ("Gross sales" in client.get("/").text) == may
