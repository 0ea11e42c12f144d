"""What staff do to an order."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.orders import services
from portal.orders.models import Order, OrderEvent, OrderTag
from tests.support.people import SYSTEM
from tests.support.shop import Shop, levels, open_shop


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 10})


def test_sending_takes_units_off_the_shelf_and_closes_what_is_whole(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    services.ship_lines(placed.order_id, {1: 2}, carrier="Post", tracking_number="1Z 99-A", by=SYSTEM)
    db.session.commit()
    assert _order(scope, placed.order_id).fulfilment_state == "part_fulfilled"
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (8, 1)}
    services.ship_lines(placed.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()
    order = _order(scope, placed.order_id)
    assert (order.fulfilment_state, order.state) == ("fulfilled", "closed")
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (7, 0)}


@pytest.mark.parametrize("units", [{1: 4}, {1: -1}, {9: 1}, {}])
def test_it_sends_no_more_than_is_left(shop: Shop, units: dict[int, int]) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    with pytest.raises(DomainError):
        services.ship_lines(placed.order_id, units, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.rollback()
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 3)}


def test_a_held_order_does_not_leave(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    services.hold_order(placed.order_id, "Customer asked to wait", by=SYSTEM)
    with pytest.raises(ConflictError, match="on hold"):
        services.ship_lines(placed.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM)
    services.release_order(placed.order_id, by=SYSTEM)
    db.session.commit()
    assert _order(scope, placed.order_id).state == "open"


def test_releasing_promises_what_came_in_meanwhile(scope: int) -> None:
    shop = open_shop({"CUP": 0})
    placed = shop.order(("CUP", 2, "3"))
    assert services.release_order(placed.order_id, by=SYSTEM) == ["CUP"]
    from portal.stock.services import Move, apply_moves

    apply_moves([Move(shop.variants["CUP"], shop.location_id, "received", on_hand=2)], by=SYSTEM)
    assert services.release_order(placed.order_id, by=SYSTEM) == []
    db.session.commit()
    assert levels([shop.variants["CUP"]]) == {shop.variants["CUP"]: (2, 2)}


def test_cancelling_gives_the_units_back_once(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    services.cancel_order(placed.order_id, by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError, match="cancelled already"):
        services.cancel_order(placed.order_id, by=SYSTEM)
    db.session.rollback()
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 0)}


@pytest.mark.parametrize(
    ("amount", "message"), [("0", "above zero"), ("9.001", "2 decimals"), ("9.01", "more than the 9.00 GBP")]
)
def test_it_takes_no_more_money_than_is_due(shop: Shop, amount: str, message: str) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    with pytest.raises(DomainError, match=message):
        services.take_payment(placed.order_id, Decimal(amount), method="cash", reference=None, by=SYSTEM)
    db.session.rollback()


def test_payments_add_up_to_paid(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    services.take_payment(placed.order_id, Decimal("4"), method="cash", reference=None, by=SYSTEM)
    assert _order(scope, placed.order_id).payment_state == "part_paid"
    services.take_payment(placed.order_id, Decimal("5"), method="cash", reference="till 2", by=SYSTEM)
    db.session.commit()
    order = _order(scope, placed.order_id)
    assert (order.payment_state, order.captured_total) == ("paid", Decimal("9"))
    kinds = db.session.scalars(sa.select(OrderEvent.kind).order_by(OrderEvent.n)).all()
    assert kinds == ["placed", "paid", "paid"]


def test_a_tag_is_put_on_once(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "1"))
    assert services.add_tag(placed.order_id, " gift ", by=SYSTEM)
    assert not services.add_tag(placed.order_id, "gift", by=SYSTEM)
    db.session.commit()
    assert db.session.scalars(sa.select(OrderTag.tag)).all() == ["gift"]


@pytest.mark.parametrize("tag", ["", "  ", "x" * 41, "a,b"])
def test_it_refuses_what_is_no_tag(shop: Shop, tag: str) -> None:
    placed = shop.order(("MUG", 1, "1"))
    with pytest.raises(DomainError, match="1 to 40 characters"):
        services.add_tag(placed.order_id, tag, by=SYSTEM)


def _order(merchant_id: int, order_id: int) -> Order:
    db.session.expire_all()
    return db.session.get_one(Order, (merchant_id, order_id))
