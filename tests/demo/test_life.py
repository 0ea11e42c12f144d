"""The demo's orders between shelf and buyer: something in every queue."""

from __future__ import annotations

import sqlalchemy as sa

from deploy.demo import life
from portal.core.database import current_merchant_id, db
from portal.orders.models import OrderFulfilment, OrderHold, OrderShortfall, PickLine
from tests.support.people import SYSTEM
from tests.support.shop import open_shop


def test_no_queue_of_an_orders_life_is_empty(scope: int) -> None:
    shop = open_shop({"MUG": 100, "CUP": 100, "VASE": 1})
    for _ in range(16):
        shop.order(("MUG", 2, "4.50"), ("CUP", 1, "3"), paid="12.00")
    shop.order(("VASE", 5, "9"), paid="45.00")
    life.go_on(dict.fromkeys(("support", "warehouse", "owner"), SYSTEM), shop.location_id)
    parcel, hold, case, line = (
        each.__table__.c for each in (OrderFulfilment, OrderHold, OrderShortfall, PickLine)
    )
    merchant_id = current_merchant_id()
    states = set(db.session.scalars(sa.select(parcel.state).where(parcel.merchant_id == merchant_id)))
    assert states >= {"pending", "picking", "packed", "ready"}
    assert set(db.session.scalars(sa.select(hold.rule).where(hold.merchant_id == merchant_id))) == {"on_date"}
    causes = db.session.scalars(sa.select(case.cause).where(case.merchant_id == merchant_id)).all()
    assert set(causes) == {"allocation", "pick"}
    picked = db.session.scalars(sa.select(line.picked).where(line.merchant_id == merchant_id)).all()
    assert any(picked) and not all(picked)
