"""Missing units: a case per line, its ways out, and nothing under-allocated without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.outbox import run_consumers
from portal.orders.changes.services import confirm
from portal.orders.models import OrderShortfall
from portal.orders.shortfalls import ways
from portal.orders.shortfalls.services import open_shortfall, reconcile
from portal.stock.services import Move, apply_moves
from tests.orders.life.conftest import Read, line, second_place
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, levels, make_variant, open_shop
from tests.support.waiting import settle, until

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"VASE": 1, "MUG": 10})


def cases(order_id: int) -> list[Any]:
    table = OrderShortfall.__table__
    rows = db.session.execute(
        sa.select(table)
        .where(table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id)
        .order_by(table.c.n)
    )
    return list(rows)


def news() -> None:
    settle()
    until(lambda: not run_consumers("order-waits").handled.get("order-waits"))
    db.session.commit()


@pytest.fixture
def short(shop: Shop) -> Any:
    """A paid order of three vases, of which there is one."""
    placed = shop.order(("VASE", 3, "9"), ("MUG", 1, "4.50"), paid="31.50")
    news()
    return placed


def test_an_order_that_cannot_be_filled_opens_one_case(shop: Shop, short: Any) -> None:
    news()
    [case] = cases(short.order_id)
    assert (case.state, case.sku, case.value, case.currency) == ("open", "VASE", 9 * case.units, "GBP")
    assert line(short.order_id).allocated_quantity + case.units == 3


def test_goods_that_arrive_settle_it(shop: Shop, short: Any, head: Read) -> None:
    from portal.orders.holds import release_order

    apply_moves([Move(shop.variants["VASE"], shop.location_id, "received", on_hand=5)], by=SYSTEM)
    db.session.commit()
    if head(short.order_id).state == "on_hold":
        release_order(short.order_id, by=SYSTEM)
    db.session.commit()
    news()
    assert [each.state for each in cases(short.order_id)] == ["solved"]


def test_another_place_fills_it(shop: Shop, short: Any, head: Read) -> None:
    [case] = cases(short.order_id)
    annexe = second_place(shop, VASE=5)
    ways.take_from(short.order_id, case.n, annexe, by=SYSTEM)
    db.session.commit()
    assert (cases(short.order_id)[0].way_out, line(short.order_id).allocated_quantity) == (
        "other_location",
        3,
    )
    assert head(short.order_id).state == "open"
    with pytest.raises(ConflictError, match="settled already"):
        ways.take_from(short.order_id, case.n, annexe, by=SYSTEM)


def test_a_place_with_too_few_fills_nothing(shop: Shop, short: Any) -> None:
    [case] = cases(short.order_id)
    annexe = second_place(shop, VASE=case.units - 1) if case.units > 1 else second_place(shop)
    with pytest.raises(ConflictError):
        ways.take_from(short.order_id, case.n, annexe, by=SYSTEM)
    db.session.rollback()
    assert cases(short.order_id)[0].state == "open"


def test_the_rest_leaves_while_the_customer_waits(shop: Shop, short: Any, head: Read) -> None:
    ways.wait_for_goods(short.order_id, cases(short.order_id)[0].n, by=SYSTEM)
    db.session.commit()
    news()
    assert (head(short.order_id).state, line(short.order_id).promise_state) == ("open", "backordered")
    assert [each.way_out for each in cases(short.order_id)] == ["back_order"]


def test_something_else_takes_its_place(shop: Shop, short: Any, head: Read) -> None:
    bowl = make_variant("BOWL")
    apply_moves([Move(bowl.id, shop.location_id, "received", on_hand=9)], by=SYSTEM)
    db.session.commit()
    [case] = cases(short.order_id)
    before = head(short.order_id).due_total
    ways.substitute(short.order_id, case.n, "bowl", by=SYSTEM)
    db.session.commit()
    assert levels([bowl.id])[bowl.id] == (9, case.units)
    assert head(short.order_id).due_total == before
    assert [each.state for each in cases(short.order_id)] != ["open"]
    assert head(short.order_id).state == "open"


@pytest.mark.parametrize("sku", ["", "nothing", "vase"])
def test_what_takes_its_place_is_another_variant(shop: Shop, short: Any, sku: str) -> None:
    with pytest.raises(DomainError):
        ways.substitute(short.order_id, cases(short.order_id)[0].n, sku, by=SYSTEM)


def test_cancelling_gives_the_money_of_what_is_missing_back(shop: Shop, short: Any, head: Read) -> None:
    [case] = cases(short.order_id)
    n = ways.propose_cancellation(short.order_id, case.n, by=SYSTEM)
    db.session.commit()
    confirm(short.order_id, n, version=head(short.order_id).version, by=SYSTEM)
    db.session.commit()
    news()
    assert line(short.order_id).cancelled_quantity == case.units
    assert head(short.order_id).due_total == 31.5 - float(case.value)
    assert [each.state for each in cases(short.order_id)] != ["open"]


def test_a_case_grows_with_what_is_missing_and_never_beyond(shop: Shop) -> None:
    placed = shop.order(("MUG", 4, "4.50"))
    first = open_shortfall(placed.order_id, 1, 2, cause="count", by=SYSTEM)
    assert open_shortfall(placed.order_id, 1, 2, cause="count", by=SYSTEM) == first
    assert [each.units for each in cases(placed.order_id)] == [2]
    with pytest.raises(DomainError):
        open_shortfall(placed.order_id, 1, 0, cause="count", by=SYSTEM)
    reconcile(placed.order_id, by=SYSTEM)
    assert [each.way_out for each in cases(placed.order_id)] == ["promised"]


def test_a_count_below_what_is_promised_opens_a_case(shop: Shop) -> None:
    from portal.orders.allocation import take_back_allocated
    from portal.stock.promises import TakeBack

    placed = shop.order(("MUG", 4, "4.50"))
    take_back_allocated(TakeBack(shop.variants["MUG"], shop.location_id, 3, "count", 1), by=SYSTEM)
    db.session.commit()
    [case] = cases(placed.order_id)
    assert (case.units, case.cause) == (3, "count")


def test_the_desk_shows_it_and_the_page_takes_a_way_once(
    shop: Shop, short: Any, login: Login, member: Member
) -> None:
    client = login(member("support"))
    [case] = cases(short.order_id)
    assert "VASE" in client.get("/shortfalls?f=1.state.is.open").text
    assert "VASE" in client.fragment(f"/orders/{short.number}/shortfalls").text
    page = f"/orders/{short.number}/shortfalls/{case.n}"
    assert client.get(page).status_code == 200
    version = client.get(page).text.split('name="version" value="')[1].split('"')[0]
    first = client.post(f"{page}/back-order", data={"version": version})
    second = client.post(f"{page}/back-order", data={"version": version})
    assert (first.status_code, second.status_code) == (303, 409)
    assert "changed after the page was opened" in second.text


def test_readers_look_and_touch_nothing(shop: Shop, short: Any, login: Login, member: Member) -> None:
    client = login(member("read-only"))
    page = f"/orders/{short.number}/shortfalls/{cases(short.order_id)[0].n}"
    assert client.get(page).status_code == 200
    for way in ("location", "back-order", "substitute", "cancellation"):
        assert client.post(f"{page}/{way}").status_code == 403
