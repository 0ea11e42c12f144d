"""What is promised to orders: from several places, for goods that come later, after payment, and how it is given up."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog.models import Variant, VariantComponent
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError
from portal.core.jobs import run_due_jobs
from portal.core.outbox import run_consumers
from portal.orders import waiting
from portal.orders.allocation import allocate_order, allocations_of, release_lines, take_units
from portal.orders.models import OrderAllocation, OrderLine, OrderShortfall
from portal.orders.outside import record_cancellation, record_payment
from portal.stock.heat import heat_variant
from portal.stock.ledger import ledger_sums
from portal.stock.models import Location, PromiseSetting, RoutingRule, StockReservation
from portal.stock.promises import TakeBack, take_back
from portal.stock.queries import figures
from portal.stock.reservations import expire_due, reserve
from portal.stock.routing.planning import Want
from portal.stock.services import Move, apply_moves
from tests.support.people import SYSTEM
from tests.support.shop import Shop, make_variant, open_shop
from tests.support.waiting import settle


@pytest.fixture
def shop(scope: int) -> Shop:
    """Ten mugs and four plates in the main warehouse in Britain, five mugs in a store in France."""
    made = open_shop({"MUG": 10, "PLATE": 4})
    db.session.get_one(Location, (scope, made.location_id)).country_code = "GB"
    store = Location(name="Paris", code="PAR", kind="store", country_code="FR", position=1)
    db.session.add(store)
    db.session.flush()
    receive(made, "MUG", 5, store.id)
    return made


def receive(shop: Shop, sku: str, units: int, location_id: int | None = None) -> None:
    apply_moves(
        [Move(shop.variants[sku], location_id or shop.location_id, "received", on_hand=units)], by=SYSTEM
    )
    db.session.commit()


def paris() -> int:
    return db.session.scalars(sa.select(Location.id).where(Location.code == "PAR")).one()


def policy(shop: Shop, sku: str, name: str, **values: Any) -> None:
    variant = db.session.scalars(sa.select(Variant).where(Variant.id == shop.variants[sku])).one()
    variant.stock_policy = name
    for key, value in values.items():
        setattr(variant, key, value)
    db.session.commit()


def line(order_id: int, n: int = 1) -> tuple[int, str]:
    db.session.expire_all()
    found = db.session.scalars(
        sa.select(OrderLine).where(OrderLine.order_id == order_id, OrderLine.n == n)
    ).one()
    return found.allocated_quantity, found.promise_state


def lies(order_id: int) -> dict[tuple[int, int], int]:
    """Units by line and location; the levels and the ledger must say the same as all orders together."""
    found: dict[tuple[int, int], int] = {}
    for each in allocations_of(order_id):
        found[each.line_n, each.location_id] = found.get((each.line_n, each.location_id), 0) + each.quantity
    return found


def agrees(shop: Shop) -> bool:
    """Whether levels, ledger and allocations say the same."""
    db.session.expire_all()
    for variant_id in shop.variants.values():
        for location_id in db.session.scalars(sa.select(Location.id)):
            now = figures(variant_id, location_id)
            promised = db.session.scalar(
                sa.select(sa.func.coalesce(sa.func.sum(OrderAllocation.quantity), 0)).where(
                    OrderAllocation.variant_id == variant_id, OrderAllocation.location_id == location_id
                )
            )
            if now != ledger_sums(variant_id, location_id) or now.allocated != promised:
                return False
    return True


def work() -> None:
    """Let the events be heard and the jobs be done until nothing is left."""
    db.session.commit()
    settle()
    while sum(run_consumers().handled.values()) + run_due_jobs():
        settle()


def test_a_line_comes_from_two_places_when_one_has_too_few(shop: Shop) -> None:
    order = shop.order(("MUG", 13, "1"))
    assert lies(order.order_id) == {(1, shop.location_id): 10, (1, paris()): 3}
    assert line(order.order_id) == (13, "allocated")
    assert order.hold_reason is None
    assert agrees(shop)


def test_a_rule_of_the_merchant_chooses_the_place(shop: Shop) -> None:
    db.session.add(
        RoutingRule(
            name="Britain from Paris",
            position=1,
            strategy="prefer_location",
            location_id=paris(),
            country_codes=["GB"],
        )
    )
    db.session.commit()
    assert lies(shop.order(("MUG", 2, "1")).order_id) == {(1, paris()): 2}


def test_an_order_takes_over_what_its_basket_kept(shop: Shop) -> None:
    reserve("basket-7", [Want(1, "PLATE", 4, {shop.variants["PLATE"]: 1})], holder="basket", by=SYSTEM)
    db.session.commit()
    other = shop.order(("PLATE", 1, "1"))
    assert line(other.order_id) == (0, "short")
    order = shop.order(("PLATE", 3, "1"), reservation_key="basket-7")
    assert line(order.order_id) == (3, "allocated")
    # The fourth plate is not needed and is on sale again.
    assert figures(shop.variants["PLATE"], shop.location_id).available == 1
    assert db.session.scalars(sa.select(StockReservation.state)).all() == ["used"]
    assert agrees(shop)


def test_what_a_basket_kept_where_nothing_is_sold_from_any_more_is_let_go(shop: Shop) -> None:
    plate = shop.variants["PLATE"]
    reserve("basket-7", [Want(1, "PLATE", 4, {plate: 1})], holder="basket", by=SYSTEM)
    closed = sa.update(Location).where(Location.id == shop.location_id).values(is_active=False)
    db.session.execute(closed)
    db.session.commit()
    order = shop.order(("PLATE", 3, "1"), reservation_key="basket-7")
    assert line(order.order_id) == (0, "short")
    assert figures(plate, shop.location_id).reserved == 0
    assert agrees(shop)


def test_an_order_takes_kept_units_from_their_slots_and_gives_back_what_it_does_not_want(shop: Shop) -> None:
    plate, mug = shop.variants["PLATE"], shop.variants["MUG"]
    heat_variant(plate, 2, by=SYSTEM)
    wants = [Want(1, "PLATE", 3, {plate: 1}), Want(2, "MUG", 1, {mug: 1})]
    reserve("basket-7", wants, holder="basket", by=SYSTEM)
    db.session.commit()
    free = figures(mug, shop.location_id).available
    order = shop.order(("PLATE", 2, "1"), reservation_key="basket-7")
    assert line(order.order_id) == (2, "allocated")
    plates = figures(plate, shop.location_id)
    assert (plates.allocated, plates.reserved, plates.available) == (2, 0, 2)
    assert figures(mug, shop.location_id).available == free + 1
    assert agrees(shop)
    # More than the basket kept is looked for in all slots.
    reserve("basket-8", wants[:1], holder="basket", by=SYSTEM, whole=False)
    db.session.commit()
    assert line(shop.order(("PLATE", 3, "1"), reservation_key="basket-8").order_id) == (2, "short")
    assert agrees(shop)


def test_a_hot_variant_is_promised_from_its_slots(app: Flask, scope: int, shop: Shop) -> None:
    heat_variant(shop.variants["PLATE"], 4, by=SYSTEM)
    db.session.commit()
    held: list[str | None] = []
    barrier = threading.Barrier(6)

    def buy(_: int) -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            held.append(shop.order(("PLATE", 1, "1")).hold_reason)

    _together(buy, 6)
    assert sum(reason is None for reason in held) == 4
    assert agrees(shop)


def test_back_orders_wait_and_the_oldest_is_served_first(shop: Shop) -> None:
    policy(shop, "PLATE", "backorder")
    first, second, third = (shop.order(("PLATE", units, "1")) for units in (6, 3, 2))
    assert [line(each.order_id) for each in (first, second, third)] == [
        (4, "backordered"),
        (0, "backordered"),
        (0, "backordered"),
    ]
    assert first.hold_reason is None
    receive(shop, "PLATE", 4)
    work()
    assert [line(each.order_id) for each in (first, second, third)] == [
        (6, "allocated"),
        (2, "backordered"),
        (0, "backordered"),
    ]
    receive(shop, "PLATE", 3)
    work()
    assert [line(each.order_id) for each in (second, third)] == [(3, "allocated"), (2, "allocated")]
    assert agrees(shop)


def test_the_limit_of_back_orders_is_not_passed_by_many_at_once(app: Flask, scope: int, shop: Shop) -> None:
    policy(shop, "PLATE", "backorder", backorder_limit=3)
    shop.order(("PLATE", 4, "1"))
    db.session.commit()
    placed: list[int] = []
    barrier = threading.Barrier(6)

    def buy(_: int) -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            placed.append(shop.order(("PLATE", 1, "1")).order_id)

    _together(buy, 6)
    assert sorted(line(order_id)[1] for order_id in placed) == ["backordered"] * 3 + ["short"] * 3


@pytest.mark.parametrize(("days", "state"), [(1, "preordered"), (0, "preordered"), (-1, "short")])
def test_a_pre_order_is_taken_until_its_day(shop: Shop, days: int, state: str) -> None:
    policy(shop, "PLATE", "preorder", preorder_until=utc_now().date() + dt.timedelta(days=days))
    assert line(shop.order(("PLATE", 5, "1")).order_id) == (4, state)


def test_what_is_short_opens_a_case(shop: Shop) -> None:
    assert waiting  # its consumer opens the case
    order = shop.order(("PLATE", 6, "1"))
    assert line(order.order_id) == (4, "short")
    assert order.hold_reason == "Not enough stock: PLATE"
    work()
    assert db.session.execute(sa.select(OrderShortfall.line_n, OrderShortfall.units)).all() == [(1, 2)]


@pytest.fixture
def on_payment(shop: Shop) -> Shop:
    """The shop allocates when an order is paid."""
    db.session.add(PromiseSetting(allocate_on="payment", payment_minutes=30))
    db.session.commit()
    return shop


def test_units_wait_for_the_payment_and_are_allocated_with_it(on_payment: Shop) -> None:
    order = on_payment.order(("PLATE", 3, "2.00"))
    assert line(order.order_id) == (0, "pending")
    assert figures(on_payment.variants["PLATE"], on_payment.location_id).reserved == 3
    record_payment(order.order_id, method="card", gateway="manual", reference=None, at=None, by=SYSTEM)
    work()
    assert line(order.order_id) == (3, "allocated")
    assert figures(on_payment.variants["PLATE"], on_payment.location_id).reserved == 0
    assert agrees(on_payment)


def test_a_paid_order_is_allocated_at_once(on_payment: Shop) -> None:
    assert line(on_payment.order(("PLATE", 3, "2.00"), paid="6.00").order_id) == (3, "allocated")


def test_a_late_payment_looks_again_and_never_oversells(on_payment: Shop) -> None:
    late = on_payment.order(("PLATE", 3, "2.00"))
    db.session.execute(sa.update(StockReservation).values(expires_at=utc_now() - dt.timedelta(minutes=1)))
    db.session.commit()
    assert expire_due(by=SYSTEM) == 1
    db.session.commit()
    quick = on_payment.order(("PLATE", 2, "2.00"), paid="4.00")
    assert line(quick.order_id) == (2, "allocated")
    record_payment(late.order_id, method="card", gateway="manual", reference=None, at=None, by=SYSTEM)
    work()
    assert line(late.order_id) == (2, "short")
    assert db.session.execute(sa.select(OrderShortfall.order_id, OrderShortfall.units)).all() == [
        (late.order_id, 1)
    ]
    assert agrees(on_payment)


def test_an_unpaid_order_that_is_cancelled_keeps_nothing(on_payment: Shop) -> None:
    order = on_payment.order(("PLATE", 3, "2.00"))
    record_cancellation(order.order_id, by=SYSTEM)
    db.session.commit()
    now = figures(on_payment.variants["PLATE"], on_payment.location_id)
    assert (now.reserved, now.allocated, now.available) == (0, 0, 4)


def test_units_are_given_back_by_line_and_promised_again(shop: Shop) -> None:
    order = shop.order(("MUG", 13, "1"), ("PLATE", 2, "1"))
    release_lines(order.order_id, {1: 4}, by=SYSTEM)
    db.session.commit()
    assert sum(units for (n, _), units in lies(order.order_id).items() if n == 1) == 9
    assert agrees(shop)
    assert not allocate_order(order.order_id, by=SYSTEM)
    db.session.commit()
    assert line(order.order_id)[0] == 13
    assert not allocate_order(order.order_id, by=SYSTEM)
    assert agrees(shop)


def test_units_leave_from_where_they_are_promised(shop: Shop) -> None:
    order = shop.order(("MUG", 13, "1"))
    with pytest.raises(ConflictError, match="at this location"):
        take_units(order.order_id, {1: 4}, location_id=paris(), by=SYSTEM)
    db.session.rollback()
    taken = take_units(order.order_id, {1: 3}, location_id=paris(), by=SYSTEM)
    db.session.commit()
    assert [(each.location_id, each.units) for each in taken] == [(paris(), 3)]
    assert figures(shop.variants["MUG"], paris()).on_hand == 2
    assert line(order.order_id)[0] == 10
    with pytest.raises(ConflictError, match="only 10"):
        take_units(order.order_id, {1: 11}, by=SYSTEM)
    db.session.rollback()
    assert agrees(shop)


@pytest.fixture
def bundle(shop: Shop) -> int:
    """A set of two mugs and a plate."""
    made = make_variant("SET")
    for sku, quantity in (("MUG", 2), ("PLATE", 1)):
        db.session.add(
            VariantComponent(bundle_id=made.id, component_id=shop.variants[sku], quantity=quantity)
        )
    shop.variants["SET"] = made.id
    db.session.commit()
    return made.id


def test_a_bundle_promises_and_sends_its_components(shop: Shop, bundle: int) -> None:
    order = shop.order(("SET", 3, "9"), ("PLATE", 2, "1"))
    assert [line(order.order_id, n) for n in (1, 2)] == [(3, "allocated"), (1, "short")]
    take_units(order.order_id, {1: 2}, by=SYSTEM)
    db.session.commit()
    assert line(order.order_id)[0] == 1
    assert sum(each.quantity for each in allocations_of(order.order_id) if each.line_n == 1) == 3
    release_lines(order.order_id, {1: 1}, by=SYSTEM)
    db.session.commit()
    assert [each.line_n for each in allocations_of(order.order_id)] == [2]
    assert agrees(shop)


def test_a_count_takes_units_from_the_youngest_order_and_opens_its_case(shop: Shop, bundle: int) -> None:
    old = shop.order(("PLATE", 2, "1"))
    young = shop.order(("SET", 2, "9"))
    found = take_back(TakeBack(shop.variants["PLATE"], shop.location_id, 1, "count", 5), by=SYSTEM)
    db.session.commit()
    assert found == 1
    assert (line(old.order_id), line(young.order_id)) == ((2, "allocated"), (1, "short"))
    assert db.session.execute(
        sa.select(OrderShortfall.order_id, OrderShortfall.units, OrderShortfall.cause)
    ).all() == [(young.order_id, 1, "count")]
    assert agrees(shop)


def test_what_is_not_counted_needs_no_promise(shop: Shop) -> None:
    gift = make_variant("CARD")
    gift.is_stocked = False
    shop.variants["CARD"] = gift.id
    db.session.commit()
    order = shop.order(("CARD", 2, "1"))
    assert line(order.order_id) == (0, "none")
    assert order.hold_reason is None


def _together(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
