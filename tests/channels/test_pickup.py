"""Orders of a shop whose buyers collect them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from portal.core.database import db
from portal.orders.models import OrderFulfilment, OrderNote
from portal.stock.models import Location
from tests.channels.conftest import NewVariant
from tests.channels.received import order_of
from tests.channels.woocommerce_server import Shop

Turn = Callable[[], bool]


def pickup_line(method: str, title: str, place: str = "") -> dict[str, object]:
    meta = [{"id": 1, "key": "pickup_location", "value": place}] if place else []
    return {
        "id": 9,
        "method_id": method,
        "method_title": title,
        "total": "0.00",
        "total_tax": "0.00",
        "meta_data": meta,
    }


@pytest.fixture
def stores(location: int) -> dict[str, int]:
    """Two stores beside the warehouse, by code."""
    made = [
        Location(name="Leeds", code="LDS", kind="store"),
        Location(name="Leeds North", code="LDN", kind="store"),
    ]
    db.session.add_all(made)
    db.session.commit()
    return {each.code: each.id for each in made} | {"MAIN": location}


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([pickup_line("pickup_location", "Pickup (LEEDS)", "LEEDS")], "LDS"),
        ([pickup_line("pickup_location", "Pickup", "ldn")], "LDN"),
        ([pickup_line("local_pickup", "Collect at Leeds North")], "LDN"),
        ([pickup_line("local_pickup:4", "Collect in Leeds, free")], "LDS"),
        ([pickup_line("pickup_location", "Pickup (York)", "York")], None),
        ([pickup_line("local_pickup", "Local pickup")], None),
        ([pickup_line("local_pickup", "Leedsham")], None),
        ([pickup_line("local_pickup", "Leeds"), pickup_line("flat_rate", "Flat rate")], None),
    ],
)
def test_a_local_pickup_is_collected_where_the_place_can_be_told(
    turn: Turn,
    shop: Shop,
    new_variant: NewVariant,
    stores: dict[str, int],
    lines: list[dict[str, object]],
    code: str | None,
) -> None:
    shop.add_product("A", name="Teapot")
    new_variant("A", stock=5)
    key = shop.add_order([("A", 2, "6.50")], shipping_lines=lines)
    assert turn()
    order = order_of(key)
    wanted = ("collect", stores[code]) if code else ("ship", None)
    assert (order.delivery, order.delivery_location_id) == wanted
    notes = list(db.session.scalars(sa.select(OrderNote).where(OrderNote.order_id == order.id)))
    if code:
        # The goods lie in the warehouse: the hold says so, and people decide.
        assert notes == [] and order.state == "on_hold"
    else:
        assert [note.is_internal for note in notes] == [True] and "to collect" in notes[0].body
        assert order.state == "open"


def test_the_only_location_is_where_it_is_collected(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    shop.add_product("A", name="Teapot")
    new_variant("A", stock=5)
    key = shop.add_order([("A", 2, "6.50")], shipping_lines=[pickup_line("local_pickup", "Local pickup")])
    assert turn()
    assert (order_of(key).delivery, order_of(key).state) == ("collect", "open")
    shop.change_order(key, status="completed")
    assert turn()
    parcel = db.session.scalars(sa.select(OrderFulfilment)).one()
    assert (parcel.method, parcel.state, parcel.carrier) == ("collect", "collected", None)
    assert order_of(key).state == "closed"
