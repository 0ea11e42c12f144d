"""Every number opens what makes it, and says whether that adds up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.orders.models import OrderAllocation, OrderRef, SalesChannel
from portal.stock.models import (
    StockLevel,
    StockReservation,
    StockReservationLine,
    StockTransfer,
    StockTransferLine,
)
from portal.stock.services import Move, apply_moves
from tests.stock.conftest import Shelf
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person
from tests.support.statements import count_statements

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]


@pytest.fixture
def promised(app: Flask, merchant: int, shelf: Shelf) -> Shelf:
    """The shelf with its 3 allocated units held by an order, 2 reserved by a basket, 4 on their way, 2 set aside."""
    with app.app_context(), merchant_scope(merchant):
        channel = SalesChannel(code="web", name="Web", kind="web")
        db.session.add(channel)
        db.session.flush()
        db.session.add(OrderRef(order_id=77, number="1001", channel_id=channel.id, placed_at=utc_now()))
        reservation = StockReservation(
            key="basket-9", holder="basket", unit_count=2, expires_at=utc_now() + dt.timedelta(minutes=5)
        )
        transfer = StockTransfer(
            number=1, from_location_id=shelf.shop, to_location_id=shelf.main, state="in_transit"
        )
        db.session.add_all([reservation, transfer])
        db.session.flush()
        placed_at = db.session.scalar(sa.select(sa.func.new_id(utc_now())))
        db.session.add_all(
            [
                StockReservationLine(
                    reservation_id=reservation.id,
                    n=1,
                    variant_id=shelf.variant_id,
                    location_id=shelf.main,
                    quantity=2,
                ),
                StockTransferLine(
                    transfer_id=transfer.id, variant_id=shelf.variant_id, quantity=5, received=1
                ),
            ]
        )
        db.session.add(
            OrderRef(order_id=placed_at, number="1002", channel_id=channel.id, placed_at=utc_now())
        )
        db.session.flush()
        db.session.execute(
            sa.insert(OrderAllocation.__table__).values(
                merchant_id=merchant,
                order_id=placed_at,
                line_n=1,
                variant_id=shelf.variant_id,
                location_id=shelf.main,
                quantity=3,
            )
        )
        v, place = shelf.variant_id, shelf.main
        apply_moves(
            [
                Move(
                    v,
                    place,
                    "reserved",
                    reserved=2,
                    cause_kind="reservation",
                    cause_id=reservation.id,
                ),
                Move(v, place, "expected", incoming=4, cause_kind="transfer", cause_id=transfer.id),
                Move(v, place, "quarantined", unavailable=1, unavailable_kind="damaged"),
                Move(v, place, "quarantined", unavailable=1, unavailable_kind="quarantine"),
            ],
            by=SYSTEM,
        )
        db.session.commit()
    return shelf


def number(client: HouseClient, shelf: Shelf, counter: str) -> str:
    answer = client.get(f"/stock/levels/{shelf.variant_id}/{shelf.main}/{counter}")
    assert answer.status_code == 200
    return answer.text


def test_each_number_says_what_makes_it_and_that_it_adds_up(
    login: Login, member: Member, promised: Shelf
) -> None:
    client = login(member("owner"))
    on_hand = number(client, promised, "on-hand")
    assert "Opening balance" in on_hand and "The movements come to 10" in on_hand
    allocated = number(client, promised, "allocated")
    assert "Order 1002" in allocated and "Orders, reservations and papers come to 3" in allocated
    reserved = number(client, promised, "reserved")
    assert "Basket basket-9, until" in reserved and "come to 2" in reserved
    unavailable = number(client, promised, "unavailable")
    assert "In quarantine" in unavailable and "Damaged" in unavailable and "come to 2" in unavailable
    incoming = number(client, promised, "incoming")
    assert "Transfers on their way" in incoming and "come to 4" in incoming
    available = number(client, promised, "available")
    assert "Available: 3" in available and "−3" in available
    for page in (on_hand, allocated, reserved, unavailable, incoming, available):
        assert "than explained" not in page


def test_it_says_by_how_much_it_does_not_add_up(
    app: Flask, merchant: int, login: Login, member: Member, promised: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        db.session.execute(
            sa.update(StockLevel)
            .where(StockLevel.variant_id == promised.variant_id, StockLevel.location_id == promised.main)
            .values(on_hand=12, allocated=2)
        )
        db.session.commit()
    client = login(member("read-only"))
    assert "come to 10, the level says 12: 2 units more than explained" in number(client, promised, "on-hand")
    page = number(client, promised, "allocated")
    assert page.count("come to 3, the level says 2: 1 unit fewer than explained") == 2


def test_a_level_that_never_was_is_all_zero_and_an_unknown_figure_is_nothing(
    login: Login, member: Member, shelf: Shelf
) -> None:
    client = login(member("owner"))
    page = client.get(f"/stock/levels/{shelf.variant_id}/{shelf.shop}/reserved").text
    assert "No movement has touched this figure" in page and "None hold units here" in page
    assert client.get(f"/stock/levels/{shelf.variant_id}/{shelf.main}/sold").status_code == 404
    assert client.get(f"/stock/levels/{shelf.variant_id}/{shelf.main}/on_hand").status_code == 404


def test_a_stranger_and_a_role_without_stock_see_none_of_it(
    app: Flask, login: Login, member: Member, shelf: Shelf
) -> None:
    address = f"/stock/levels/{shelf.variant_id}/{shelf.main}/on-hand"
    assert login(make_person(app, make_merchant(app))).get(address).status_code == 404
    assert login(member("compliance")).get(address).status_code == 403


def test_the_page_takes_the_same_statements_whatever_holds_the_units(
    app: Flask, merchant: int, login: Login, member: Member, promised: Shelf
) -> None:
    client = login(member("owner"))
    number(client, promised, "reserved")
    few = count_statements(app, lambda: number(client, promised, "reserved"))
    with app.app_context(), merchant_scope(merchant):
        apply_moves([Move(promised.variant_id, promised.main, "received", on_hand=150)], by=SYSTEM)
        for n in range(150):
            reservation = StockReservation(
                key=f"b-{n}", holder="basket", unit_count=1, expires_at=utc_now() + dt.timedelta(minutes=5)
            )
            db.session.add(reservation)
            db.session.flush()
            db.session.add(
                StockReservationLine(
                    reservation_id=reservation.id,
                    n=1,
                    variant_id=promised.variant_id,
                    location_id=promised.main,
                    quantity=1,
                )
            )
            apply_moves(
                [
                    Move(
                        promised.variant_id,
                        promised.main,
                        "reserved",
                        reserved=1,
                        cause_kind="reservation",
                        cause_id=reservation.id,
                    )
                ],
                by=SYSTEM,
            )
        db.session.commit()
    assert count_statements(app, lambda: number(client, promised, "reserved")) <= few <= 12
    page = number(client, promised, "reserved")
    assert "come to 152, the figure" in page and "The newest 100 of 151 are listed" in page
