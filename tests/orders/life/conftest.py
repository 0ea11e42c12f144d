"""What tests of an order's life read back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.orders.models import Order, OrderFulfilment, OrderLine
from portal.stock.models import Location
from portal.stock.services import Move, apply_moves
from tests.support.people import SYSTEM
from tests.support.shop import Shop, open_shop

Read = Callable[[int], Any]
ANNA = Actor("user", 1_000_001, "Anna")


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 10, "CUP": 10})


@pytest.fixture
def head() -> Read:
    """The head of an order as it stands in the database."""

    def read(order_id: int) -> Any:
        db.session.rollback()
        table = Order.__table__
        return db.session.execute(
            sa.select(table).where(table.c.merchant_id == current_merchant_id(), table.c.id == order_id)
        ).one()

    return read


def parcels(order_id: int) -> list[Any]:
    """The parcels of an order by number."""
    table = OrderFulfilment.__table__
    rows = db.session.execute(
        sa.select(table)
        .where(table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id)
        .order_by(table.c.n)
    )
    return list(rows)


def line(order_id: int, n: int = 1) -> Any:
    """A line of an order."""
    table = OrderLine.__table__
    return db.session.execute(
        sa.select(table).where(
            table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id, table.c.n == n
        )
    ).one()


def second_place(shop: Shop, **stock: int) -> int:
    """Another location with so many units of each SKU; committed."""
    place = Location(name="Annexe", code=f"A{shop.location_id}")
    db.session.add(place)
    db.session.flush()
    for sku, units in stock.items():
        apply_moves([Move(shop.variants[sku], place.id, "received", on_hand=units)], by=SYSTEM)
    db.session.commit()
    return place.id
