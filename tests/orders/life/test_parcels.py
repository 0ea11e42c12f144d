"""Parcels: any units from any place, planned, undone, sent once, followed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask

from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError
from portal.orders.fulfilment import parcels as work
from portal.orders.fulfilment.carriers import checked_link, tracking_link
from portal.orders.fulfilment.leaving import units_by_place
from tests.orders.life.conftest import ANNA, Read, line, parcels, second_place
from tests.support.people import SYSTEM
from tests.support.shop import Shop, levels


def send(order_id: int, units: dict[int, int], **values: Any) -> int:
    return work.ship_lines(
        order_id, units, carrier=values.pop("carrier", None), tracking_number=values.pop("tracking_number", None), by=SYSTEM,
        **values,
    )  # fmt: skip


def test_one_order_leaves_in_parcels_from_two_places(shop: Shop, head: Read) -> None:
    annexe = second_place(shop, MUG=5)
    placed = shop.order(("MUG", 13, "4.50"))
    lying = units_by_place(placed.order_id)[1]
    assert sum(lying.values()) == 13 and set(lying) == {shop.location_id, annexe}
    for place, units in lying.items():
        send(placed.order_id, {1: units}, location_id=place, tracking_number=f"T{place}")
        db.session.commit()
    assert head(placed.order_id).fulfilment_state == "fulfilled"
    assert {each.location_id for each in parcels(placed.order_id)} == {shop.location_id, annexe}
    assert units_by_place(placed.order_id) == {}


def test_more_than_lies_at_a_place_does_not_leave_from_it(shop: Shop) -> None:
    annexe = second_place(shop, MUG=5)
    placed = shop.order(("MUG", 13, "4.50"))
    with pytest.raises(ConflictError, match="lie at this location"):
        send(placed.order_id, {1: 13}, location_id=annexe)
    db.session.rollback()
    assert parcels(placed.order_id) == []


def test_units_of_a_planned_parcel_go_with_no_other(shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    first = work.plan_parcel(placed.order_id, {1: 2}, by=SYSTEM)
    with pytest.raises(DomainError, match="1 are left"):
        send(placed.order_id, {1: 2})
    work.undo_parcel(placed.order_id, first, by=SYSTEM)
    send(placed.order_id, {1: 3})
    db.session.commit()
    assert [each.state for each in parcels(placed.order_id)] == ["cancelled", "shipped"]
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (7, 0)}


def test_an_order_is_split_and_its_parts_go_one_by_one(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 2, "4.50"), ("CUP", 2, "3"))
    one = work.plan_parcel(placed.order_id, {1: 2}, by=SYSTEM)
    two = work.plan_parcel(placed.order_id, {2: 2}, by=SYSTEM)
    work.pack_parcel(placed.order_id, two, by=SYSTEM)
    work.send_parcel(placed.order_id, two, carrier="DPD", tracking_number="0123", by=SYSTEM)
    db.session.commit()
    assert head(placed.order_id).fulfilment_state == "part_fulfilled"
    work.send_parcel(placed.order_id, one, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()
    assert (head(placed.order_id).state, line(placed.order_id, 2).fulfilled_quantity) == ("closed", 2)


def test_a_parcel_that_left_is_neither_sent_nor_undone_again(shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    n = work.plan_parcel(placed.order_id, {1: 1}, by=SYSTEM)
    work.send_parcel(placed.order_id, n, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError, match="sent already"):
        work.send_parcel(placed.order_id, n, carrier=None, tracking_number=None, by=SYSTEM)
    with pytest.raises(ConflictError, match="sent already"):
        work.undo_parcel(placed.order_id, n, by=SYSTEM)
    db.session.rollback()
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (9, 2)}


def test_two_people_send_one_parcel_at_the_same_moment(app: Flask, scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    n = work.plan_parcel(placed.order_id, {1: 3}, by=SYSTEM)
    db.session.commit()
    barrier, told = threading.Barrier(2), []

    def act() -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            try:
                work.send_parcel(placed.order_id, n, carrier=None, tracking_number=None, by=ANNA)
                db.session.commit()
                told.append("sent")
            except ConflictError as error:
                db.session.rollback()
                told.append(error.message)

    people = [threading.Thread(target=act) for _ in range(2)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert sorted(told)[1] == "sent" and len(told) == 2 and "closed" in sorted(told)[0]
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (7, 0)}


def test_a_held_order_keeps_its_parcels(shop: Shop) -> None:
    from portal.orders.holds import hold_order

    placed = shop.order(("MUG", 3, "4.50"))
    n = work.plan_parcel(placed.order_id, {1: 3}, by=SYSTEM)
    hold_order(placed.order_id, "It may be fraud", by=SYSTEM)
    with pytest.raises(ConflictError, match="on hold"):
        work.send_parcel(placed.order_id, n, carrier=None, tracking_number=None, by=SYSTEM)


def test_a_number_becomes_a_link_where_the_carrier_is_known() -> None:
    assert tracking_link("dpd", "01 23/4") == "https://tracking.dpd.de/status/en_GB/parcel/0123%2F4"
    assert tracking_link("Pigeon Post", "7") is None
    assert tracking_link("DPD", "7", "https://example.com/7") == "https://example.com/7"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "//example.com", "ftp://x", "https://", "https://a b", "x" * 600]
)
def test_a_link_is_a_web_address(link: str) -> None:
    with pytest.raises(DomainError):
        checked_link(link)


def test_delivered_is_said_once(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    n = send(placed.order_id, {1: 1})
    for _ in range(2):
        work.mark_delivered(placed.order_id, n, by=SYSTEM)
    db.session.commit()
    [parcel] = parcels(placed.order_id)
    assert parcel.state == "delivered" and parcel.delivered_at
