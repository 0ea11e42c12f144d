"""A shop keeps units for its baskets: all or none, renewed, changed, let go, taken over by the order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from werkzeug.test import TestResponse

from portal.core.database import db
from portal.orders.models import OrderLine, SalesChannel
from portal.stock.models import StockReservation
from portal.stock.queries import figures
from portal.stock.reservations import reserve
from portal.stock.routing.planning import Want
from tests.orders.api.conftest import Program, basket
from tests.support.people import SYSTEM
from tests.support.shop import Shop

Make = Callable[..., Program]


def keep(program: Program, key: str, **units: int) -> TestResponse:
    lines = [{"sku": sku, "quantity": count} for sku, count in units.items()]
    return program.app.test_client().put(
        f"/api/v1/reservations/{key}", json={"lines": lines}, headers=program._headers()
    )


def reserved(shop: Shop, sku: str) -> int:
    db.session.rollback()
    return figures(shop.variants[sku], shop.location_id).reserved


def test_units_are_kept_changed_renewed_and_let_go(shop: Shop, program: Make) -> None:
    client = program()
    db.session.rollback()
    assert keep(client, "b1", mug=3).status_code == 200
    assert keep(client, "b1", mug=3).json["key"] == "b1"
    assert reserved(shop, "MUG") == 3
    assert keep(client, "b1", MUG=1, PLATE=2).status_code == 200
    assert (reserved(shop, "MUG"), reserved(shop, "PLATE")) == (1, 2)
    assert client.post("/api/v1/reservations/b1/renewal", {}).status_code == 200
    for _ in range(2):
        gone = client.app.test_client().delete("/api/v1/reservations/b1", headers=client._headers())
        assert gone.status_code == 204
    assert (reserved(shop, "MUG"), reserved(shop, "PLATE")) == (0, 0)
    assert client.post("/api/v1/reservations/b1/renewal", {}).status_code == 404


def test_too_few_units_are_refused_by_name_and_nothing_is_kept(shop: Shop, program: Make) -> None:
    client = program()
    db.session.rollback()
    for units in ({"PLATE": 41}, {"PLATE": 41, "MUG": 1}):
        refused = keep(client, "b1", **units)
        assert refused.status_code == 409
        assert "PLATE" in refused.json["detail"]
    assert (reserved(shop, "MUG"), reserved(shop, "PLATE")) == (0, 0)


def test_the_channels_buffer_is_not_offered(shop: Shop, program: Make) -> None:
    client = program()
    db.session.execute(sa.update(SalesChannel).values(safety_buffer=5))
    db.session.commit()
    assert keep(client, "b1", PLATE=36).status_code == 409
    assert keep(client, "b1", PLATE=35).status_code == 200


def test_the_order_takes_over_its_basket(shop: Shop, program: Make) -> None:
    client = program()
    db.session.rollback()
    keep(client, "b1", MUG=2, PLATE=40)
    placed = client.post("/api/v1/orders", basket(reservation_key="b1"))
    assert placed.status_code == 201
    assert (reserved(shop, "MUG"), reserved(shop, "PLATE")) == (0, 0)
    assert db.session.scalars(sa.select(OrderLine.promise_state)).all() == ["allocated", "allocated"]


def test_no_program_reaches_what_is_kept_elsewhere(shop: Shop, program: Make) -> None:
    client = program()
    reserve("order:77", [Want(1, "PLATE", 40, {shop.variants["PLATE"]: 1})], holder="payment", by=SYSTEM)
    db.session.commit()
    placed = client.post("/api/v1/orders", basket(reservation_key="order:77"))
    assert placed.status_code == 201
    assert db.session.scalars(sa.select(StockReservation.state)).all() == ["held"]
    assert reserved(shop, "PLATE") == 40


def test_it_refuses_what_is_no_basket(shop: Shop, program: Make) -> None:
    client, reader = program(), program("orders.read", channel=None)
    db.session.rollback()
    assert keep(client, "b1", NOPE=1).status_code == 422
    assert keep(client, "x" * 61, MUG=1).status_code == 422
    assert keep(client, "b1", MUG=0).status_code == 422
    assert keep(reader, "b1", MUG=1).status_code == 403


def test_the_same_sku_twice_is_one_sum(shop: Shop, program: Make) -> None:
    client = program()
    db.session.rollback()
    body: dict[str, Any] = {"lines": [{"sku": "MUG", "quantity": 2}, {"sku": "mug", "quantity": 3}]}
    sent = client.app.test_client().put("/api/v1/reservations/b1", json=body, headers=client._headers())
    assert sent.status_code == 200
    assert reserved(shop, "MUG") == 5
