"""Holds and what ends them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.jobs import run_due_jobs
from portal.core.outbox import run_consumers
from portal.orders import services
from portal.orders.holds import end_hold, hold_order, release_order, standing_holds
from portal.orders.models import OrderHold
from portal.orders.waiting import waits_due
from portal.stock.services import Move, apply_moves
from tests.orders.life.conftest import Read
from tests.support.people import SYSTEM
from tests.support.shop import Shop, levels, open_shop
from tests.support.waiting import settle, until


def test_an_order_goes_on_when_its_last_hold_ended(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    hold_order(placed.order_id, "It may be fraud", by=SYSTEM)
    hold_order(placed.order_id, "The address needs checking", by=SYSTEM)
    first, second = standing_holds(placed.order_id)
    end_hold(placed.order_id, first["n"], by=SYSTEM)
    db.session.commit()
    assert (head(placed.order_id).state, head(placed.order_id).hold_reason) == (
        "on_hold",
        "The address needs checking",
    )
    end_hold(placed.order_id, second["n"], by=SYSTEM)
    db.session.commit()
    assert (head(placed.order_id).state, head(placed.order_id).hold_reason) == ("open", None)
    with pytest.raises(ConflictError, match="ended already"):
        end_hold(placed.order_id, second["n"], by=SYSTEM)


def test_held_units_stay_promised(shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    hold_order(placed.order_id, "It may be fraud", by=SYSTEM)
    db.session.commit()
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 2)}


def test_a_second_click_holds_nothing_twice(shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    hold_order(placed.order_id, "It may be fraud", by=SYSTEM)
    with pytest.raises(ConflictError, match="for this reason already"):
        hold_order(placed.order_id, "It may be fraud", by=SYSTEM)
    assert len(standing_holds(placed.order_id)) == 1


def test_a_date_ends_a_hold(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    hold_order(
        placed.order_id,
        "The customer asked to wait",
        rule="on_date",
        until=utc_now() + dt.timedelta(days=2),
        by=SYSTEM,
    )
    db.session.commit()
    waits_due()
    run_due_jobs()
    assert head(placed.order_id).state == "on_hold"
    table = OrderHold.__table__
    db.session.execute(
        sa.update(table)
        .where(table.c.merchant_id == current_merchant_id(), table.c.order_id == placed.order_id)
        .values(until=utc_now())
    )
    db.session.commit()
    waits_due()
    run_due_jobs()
    assert head(placed.order_id).state == "open"


@pytest.mark.parametrize("day", [None, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)])
def test_a_date_lies_ahead(shop: Shop, day: dt.datetime | None) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    with pytest.raises(DomainError, match="a day ahead"):
        hold_order(placed.order_id, "x", rule="on_date", until=day, by=SYSTEM)


def test_money_ends_a_hold(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    hold_order(placed.order_id, "The payment needs checking", rule="when_paid", by=SYSTEM)
    services.take_payment(placed.order_id, Decimal("4"), method="cash", reference=None, by=SYSTEM)
    db.session.commit()
    _news()
    assert head(placed.order_id).state == "on_hold"
    services.take_payment(placed.order_id, Decimal("5"), method="cash", reference=None, by=SYSTEM)
    db.session.commit()
    _news()
    assert head(placed.order_id).state == "open"


def test_goods_end_a_hold(scope: int, head: Read) -> None:
    shop = open_shop({"VASE": 1})
    placed = shop.order(("VASE", 3, "9"))
    if head(placed.order_id).state == "on_hold":
        release_order(placed.order_id, by=SYSTEM)
    hold_order(placed.order_id, "An item needs checking", rule="when_in_stock", by=SYSTEM)
    db.session.commit()
    apply_moves([Move(shop.variants["VASE"], shop.location_id, "received", on_hand=1)], by=SYSTEM)
    db.session.commit()
    _news()
    assert head(placed.order_id).state == "on_hold"
    apply_moves([Move(shop.variants["VASE"], shop.location_id, "received", on_hand=5)], by=SYSTEM)
    db.session.commit()
    _news()
    assert head(placed.order_id).state == "open"
    assert levels([shop.variants["VASE"]]) == {shop.variants["VASE"]: (7, 3)}


def _news() -> None:
    settle()
    until(lambda: not run_consumers("order-waits").handled.get("order-waits"))
    db.session.commit()
