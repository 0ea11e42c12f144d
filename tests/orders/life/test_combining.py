"""Orders that travel together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.orders.fulfilment import combining
from portal.orders.fulfilment.parcels import send_parcel
from tests.orders.life.conftest import Read, parcels
from tests.support.people import SYSTEM
from tests.support.shop import ADA, Shop, levels


def test_orders_to_one_address_find_each_other(shop: Shop) -> None:
    here = shop.order(("MUG", 1, "4.50"))
    same = shop.order(("CUP", 2, "3"), contacts=(replace(ADA, name="ada  lovelace", postcode="sw1a1aa"),))
    shop.order(("CUP", 1, "3"), contacts=(replace(ADA, line1="13 High Street"),))
    shop.order(("CUP", 1, "3"), contacts=(replace(ADA, name="Grace Hopper"),))
    shop.order(("CUP", 1, "3"), contacts=())
    found = combining.orders_to_combine_with(here.order_id)
    assert [each["number"] for each in found] in ([], [same.number])
    exact = shop.order(("CUP", 2, "3"))
    assert exact.number in {each["number"] for each in combining.orders_to_combine_with(here.order_id)}


def test_a_combination_leaves_as_one(shop: Shop, head: Read) -> None:
    one, two = shop.order(("MUG", 1, "4.50")), shop.order(("CUP", 2, "3"))
    shipment = combining.combine([one.order_id, two.order_id], by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError, match="travels with others"):
        send_parcel(one.order_id, 1, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.rollback()
    combining.dispatch_combination(shipment, carrier="DPD", tracking_number="T1", by=SYSTEM)
    db.session.commit()
    assert {head(each.order_id).state for each in (one, two)} == {"closed"}
    assert [parcels(each.order_id)[0].tracking_number for each in (one, two)] == ["T1", "T1"]
    assert levels(list(shop.variants.values())) == {
        shop.variants["MUG"]: (9, 0),
        shop.variants["CUP"]: (8, 0),
    }
    with pytest.raises(ConflictError, match="left or was undone"):
        combining.dispatch_combination(shipment, carrier="DPD", tracking_number="T1", by=SYSTEM)


def test_a_combination_is_undone(shop: Shop) -> None:
    one, two = shop.order(("MUG", 1, "4.50")), shop.order(("CUP", 2, "3"))
    shipment = combining.combine([one.order_id, two.order_id], by=SYSTEM)
    combining.undo_combination(shipment, by=SYSTEM)
    send_parcel(one.order_id, 1, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()
    assert parcels(two.order_id)[0].state == "pending"


def test_one_order_on_hold_keeps_the_whole_shipment(shop: Shop, head: Read) -> None:
    from portal.orders.holds import hold_order

    one, two = shop.order(("MUG", 1, "4.50")), shop.order(("CUP", 2, "3"))
    shipment = combining.combine([one.order_id, two.order_id], by=SYSTEM)
    hold_order(two.order_id, "It may be fraud", by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError, match=f"Order {two.number}"):
        combining.dispatch_combination(shipment, carrier="DPD", tracking_number="T1", by=SYSTEM)
    db.session.rollback()
    assert head(one.order_id).state == "open"
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 1)}


def test_strangers_do_not_travel_together(shop: Shop) -> None:
    one = shop.order(("MUG", 1, "4.50"))
    other = shop.order(("CUP", 2, "3"), contacts=(replace(ADA, name="Grace Hopper"),))
    with pytest.raises(ConflictError, match="one person at one address"):
        combining.combine([one.order_id, other.order_id], by=SYSTEM)
    with pytest.raises(DomainError, match="two to 20"):
        combining.combine([one.order_id], by=SYSTEM)
