"""Collect in store and hand-over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.jobs import run_due_jobs
from portal.orders.cancelling import cancel_order
from portal.orders.fulfilment import collecting
from portal.orders.fulfilment.parcels import plan_parcel
from portal.orders.fulfilment.settings import save_fulfilment_settings
from portal.orders.models import OrderChangeDraft, OrderFulfilment
from portal.orders.waiting import waits_due
from tests.catalog.test_products import form_of
from tests.orders.life.conftest import Read, line, parcels
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, levels


def test_the_code_opens_the_collection_once(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9.00")
    n = collecting.set_ready(placed.order_id, {1: 2}, location_id=None, by=SYSTEM)
    db.session.commit()
    [ready] = parcels(placed.order_id)
    assert ready.state == "ready" and len(ready.pickup_code) == 6
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 2)}
    with pytest.raises(DomainError, match="not the code"):
        collecting.hand_out(placed.order_id, n, "WRONG1", by=SYSTEM)
    db.session.rollback()
    typed = f" {ready.pickup_code[:3].lower()} {ready.pickup_code[3:]}"
    collecting.hand_out(placed.order_id, n, typed, by=SYSTEM)
    db.session.commit()
    assert head(placed.order_id).state == "closed"
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (8, 0)}
    with pytest.raises(ConflictError, match="collected already"):
        collecting.hand_out(placed.order_id, n, ready.pickup_code, by=SYSTEM)


def test_nobody_came_so_units_go_back_and_money_is_proposed(shop: Shop, head: Read) -> None:
    save_fulfilment_settings({"collect_days": 2}, version=0, by=SYSTEM)
    placed = shop.order(("MUG", 2, "4.50"), paid="9.00")
    n = collecting.set_ready(placed.order_id, {1: 2}, location_id=None, by=SYSTEM)
    db.session.commit()
    [ready] = parcels(placed.order_id)
    assert dt.timedelta(days=1.9) < ready.collect_by - utc_now() < dt.timedelta(days=2)
    waits_due()
    run_due_jobs()
    assert parcels(placed.order_id)[0].state == "ready"
    _age(placed.order_id)
    waits_due()
    run_due_jobs()
    db.session.rollback()
    assert parcels(placed.order_id)[n - 1].state == "uncollected"
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 0)}
    assert (head(placed.order_id).state, head(placed.order_id).hold_reason) == (
        "on_hold",
        collecting.NOT_COLLECTED,
    )
    draft = db.session.execute(sa.select(OrderChangeDraft.__table__)).one()
    assert (draft.kind, draft.state, draft.refund_amount) == ("cancel", "open", 9)
    with pytest.raises(ConflictError, match="not collected already"):
        collecting.hand_out(placed.order_id, n, ready.pickup_code, by=SYSTEM)


def test_a_cancelled_order_does_not_live_again_because_nobody_came(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9.00")
    ready = collecting.set_ready(placed.order_id, {1: 1}, location_id=None, by=SYSTEM)
    planned = plan_parcel(placed.order_id, {1: 1}, method="collect", by=SYSTEM)
    cancel_order(placed.order_id, by=SYSTEM)
    db.session.commit()
    for late in (
        lambda: collecting.give_up(placed.order_id, ready, by=SYSTEM),
        lambda: collecting.make_ready(placed.order_id, planned, by=SYSTEM),
    ):
        with pytest.raises(ConflictError, match="The order is cancelled"):
            late()
        db.session.rollback()
    _age(placed.order_id)
    waits_due()
    run_due_jobs()
    db.session.rollback()
    assert head(placed.order_id).state == "cancelled"
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 0)}


def test_more_time_is_given_from_the_day_it_ended(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    n = collecting.set_ready(placed.order_id, {1: 1}, location_id=None, by=SYSTEM)
    before = parcels(placed.order_id)[0].collect_by
    collecting.give_more_time(placed.order_id, n, 3, by=SYSTEM)
    assert parcels(placed.order_id)[0].collect_by - before == dt.timedelta(days=3)
    with pytest.raises(DomainError):
        collecting.give_more_time(placed.order_id, n, 91, by=SYSTEM)


def test_two_clicks_give_three_more_days_and_not_six(
    shop: Shop, login: Callable[[Person], HouseClient], member: Callable[..., Person]
) -> None:
    placed = shop.order(("MUG", 1, "4.50"), paid="4.50")
    n = collecting.set_ready(placed.order_id, {1: 1}, location_id=None, by=SYSTEM)
    db.session.commit()
    client, panel = login(member("warehouse")), f"/orders/{placed.number}/parcels"
    before, form = (
        parcels(placed.order_id)[0].collect_by,
        form_of(client.get(panel).text, f"{panel}/{n}/extension"),
    )
    for _ in range(2):
        assert client.post(f"{panel}/{n}/extension", data=form).status_code == 303
    db.session.rollback()
    assert parcels(placed.order_id)[0].collect_by - before == dt.timedelta(days=3)


def test_a_hand_over_is_delivered_at_once(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9.00")
    collecting.hand_over(placed.order_id, {1: 2}, location_id=shop.location_id, by=SYSTEM)
    db.session.commit()
    [parcel] = parcels(placed.order_id)
    assert (parcel.method, parcel.state) == ("hand_over", "delivered")
    assert (head(placed.order_id).state, line(placed.order_id).fulfilled_quantity) == ("closed", 2)


def test_codes_have_no_signs_that_look_alike() -> None:
    codes = {collecting.new_code() for _ in range(200)}
    assert len(codes) > 195
    assert not set("".join(codes)) & set("IOL01")


def _age(order_id: int) -> None:
    table = OrderFulfilment.__table__
    db.session.execute(
        sa.update(table)
        .where(table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id)
        .values(collect_by=utc_now() - dt.timedelta(minutes=1))
    )
    db.session.commit()
