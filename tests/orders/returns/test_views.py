"""The screens of returns: what is clicked twice happens once, an exchange shows what approving it comes to, clocks have pages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.orders import services as orders
from portal.orders.models import OrderReturn, OrderReturnLine
from portal.orders.placement import PlacedOrder
from portal.orders.returns import queries
from portal.orders.returns import services as desk
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, levels, open_shop

D = Decimal


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 20, "PLATE": 5})


@pytest.fixture
def placed(shop: Shop) -> PlacedOrder:
    made = shop.order(("MUG", 3, "4.50"), paid="13.50")
    orders.ship_lines(made.order_id, {1: 3}, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()
    return made


@pytest.fixture
def support(login: Callable[[Person], HouseClient], member: Callable[..., Person]) -> HouseClient:
    return login(member("support"))


def version_on(client: HouseClient, path: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', client.get(path).text)
    assert found, path
    return found[1]


def test_a_request_clicked_twice_is_one_return(support: HouseClient, placed: PlacedOrder) -> None:
    here = f"/orders/{placed.number}/returns"
    data = {
        "version": version_on(support, f"{here}/new"),
        "line-1": "1",
        "kind": "return",
        "reason_code": "changed_mind",
    }
    assert support.post(here, data=data).status_code == 303
    again = support.post(here, data=data)
    assert again.status_code == 409
    assert "changed after the page was opened" in again.text
    assert len(queries.returns_of(placed.order_id).rows) == 1


def test_an_arrival_clicked_twice_arrives_once(shop: Shop, support: HouseClient, placed: PlacedOrder) -> None:
    n = desk.request_return(placed.order_id, {1: 3}, kind="return", reason_code="changed_mind", by=SYSTEM)
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    db.session.commit()
    here = f"/orders/{placed.number}/returns/{n}"
    data = {"version": version_on(support, here), "line-1": "1"}
    assert [support.post(f"{here}/arrival", data=data).status_code for _ in range(2)] == [303, 409]
    db.session.rollback()
    row = db.session.scalars(sa.select(OrderReturnLine)).one()
    assert row.received_quantity == 1
    mug = shop.variants["MUG"]
    assert levels([mug]) == {mug: (18, 0)}


def test_an_exchange_shows_what_approving_it_comes_to(support: HouseClient, placed: PlacedOrder) -> None:
    here = f"/orders/{placed.number}/returns"
    data = {
        "version": version_on(support, f"{here}/new"), "line-1": "1", "kind": "exchange", "reason_code": "not_as_described",
        "sku-1": "PLATE", "units-1": "1", "new-price-1": "6.00",
    }  # fmt: skip
    made = support.post(here, data=data)
    assert made.status_code == 303, made.text
    page = support.get(made.headers["Location"]).text
    assert "Approving comes to" in page
    assert "£19.50" in page, "13.50 and the plate"
    assert "the buyer pays £1.50 more than before" in page
    assert (
        support.post(f"{here}/1/approval", data={"version": version_on(support, f"{here}/1")}).status_code
        == 303
    )


def test_a_rejection_is_told_with_its_reason(support: HouseClient, placed: PlacedOrder) -> None:
    n = desk.request_return(placed.order_id, {1: 1}, kind="return", reason_code="changed_mind", by=SYSTEM)
    db.session.commit()
    here = f"/orders/{placed.number}/returns/{n}"
    version = version_on(support, here)
    assert support.post(f"{here}/rejection", data={"version": version}).status_code == 422
    told = support.post(f"{here}/rejection", data={"version": version, "rejection": "too_late"})
    assert told.status_code == 303
    assert "Rejected: It was sent back too late." in support.get(here).text
    assert "It was sent back too late" in support.get(f"/orders/{placed.number}").text


def test_clocks_go_on_over_pages(shop: Shop, support: HouseClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    numbers = []
    for days in (3, 1, 2, 1):
        made = shop.order(("MUG", 1, "4.50"), paid="4.50")
        orders.ship_lines(made.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM)
        n = desk.request_return(made.order_id, {1: 1}, kind="withdrawal", reason_code="", by=SYSTEM)
        table = OrderReturn.__table__
        due = dt.datetime(2030, 1, days, tzinfo=dt.UTC)
        db.session.execute(
            sa.update(table)
            .where(
                table.c.merchant_id == current_merchant_id(),
                table.c.order_id == made.order_id,
                table.c.n == n,
            )
            .values(refund_due_at=due)
        )
        numbers.append(made.number)
    db.session.commit()
    first = support.get("/returns?state=clock").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = support.get(following[1].replace("&amp;", "&")).text
    shown = [each for page in (first, second) for each in re.findall(r">(\S+), return 1<", page)]
    assert shown == [numbers[1], numbers[3], numbers[2], numbers[0]]


def test_returns_of_an_order_go_on_over_pages(
    support: HouseClient, placed: PlacedOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    for _ in range(3):
        n = desk.request_return(placed.order_id, {1: 1}, kind="return", reason_code="damaged", by=SYSTEM)
        desk.reject(placed.order_id, n, reason_code="too_late", by=SYSTEM)
    db.session.commit()
    first = support.fragment(f"/orders/{placed.number}/returns").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = support.fragment(following[1].replace("&amp;", "&")).text
    shown = [re.findall(r">Return (\d)</a>", page) for page in (first, second)]
    assert shown == [["3", "2"], ["1"]]
    assert 'id="returns"' not in second, "the page before comes without the head of the panel"
    assert "Nothing came back before that" in support.get(f"/orders/{placed.number}/returns?before=1").text
