"""A count finds fewer units than orders were promised: the promise is taken back, and the order says what it misses."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from portal.core.database import db
from portal.core.jobs import run_due_jobs
from portal.orders.models import OrderLine, OrderShortfall
from portal.stock.counting import services as counting
from portal.stock.counting.scans import record_scan
from portal.stock.models import StockCount
from portal.stock.queries import figures
from tests.support.people import SYSTEM
from tests.support.shop import open_shop


def test_a_count_below_what_orders_were_promised_takes_it_back_from_the_youngest(scope: int) -> None:
    shop = open_shop({"MUG": 10})
    older = shop.order(("MUG", 4, "4.50"), paid="18.00")
    younger = shop.order(("MUG", 5, "4.50"), paid="22.50")
    count = counting.begin_count({"name": "Shelf", "location_id": str(shop.location_id)}, by=SYSTEM)
    record_scan(count.id, "MUG", 6, "set", token=uuid.uuid4(), by=SYSTEM)
    counting.close_count(count, by=SYSTEM)
    counting.approve_count(count, version=count.version, zero_uncounted=False, reason_id=None, by=SYSTEM)
    key = count.id
    db.session.commit()
    run_due_jobs()
    db.session.rollback()
    assert db.session.scalars(sa.select(StockCount.state).where(StockCount.id == key)).one() == "applied"
    left = {
        row.order_id: row.allocated_quantity
        for row in db.session.execute(sa.select(OrderLine.order_id, OrderLine.allocated_quantity))
    }
    assert left == {older.order_id: 4, younger.order_id: 2}
    case = db.session.scalars(sa.select(OrderShortfall)).one()
    assert (case.order_id, case.units, case.cause, case.state) == (younger.order_id, 3, "count", "open")
    found = figures(shop.variants["MUG"], shop.location_id)
    assert (found.on_hand, found.allocated, found.available) == (6, 6, 0)
