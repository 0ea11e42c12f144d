"""Units held for a promise: waited for in one order, so that no two baskets wait for each other."""

from __future__ import annotations

import threading

import sqlalchemy as sa
from flask import Flask

from portal.core.database import db, merchant_scope
from portal.stock.heat import heat_variant
from portal.stock.models import StockLevel
from portal.stock.services import Move, apply_moves
from portal.stock.supply import hold_supply
from tests.support.people import SYSTEM
from tests.support.shop import Shop, open_shop
from tests.support.waiting import row_waiters, until

ROUNDS, BUYERS = 10, 6


def test_nobody_keeps_a_slot_from_others_while_they_wait_for_an_earlier_variant(
    app: Flask, scope: int
) -> None:
    shop = open_shop({"COLD": 5, "HOT": 8})
    cold, hot = shop.variants["COLD"], shop.variants["HOT"]
    heat_variant(hot, 4, by=SYSTEM)
    db.session.commit()
    db.session.scalars(sa.select(StockLevel).where(StockLevel.variant_id == cold).with_for_update()).all()

    def buy() -> None:
        with app.app_context(), merchant_scope(scope):
            hold_supply({cold: 1, hot: 1})

    buyer = threading.Thread(target=buy)
    buyer.start()
    until(lambda: row_waiters(app) == 1)
    unheld = sa.select(StockLevel.slot).where(StockLevel.variant_id == hot).with_for_update(skip_locked=True)
    assert sorted(db.session.scalars(unheld)) == [0, 1, 2, 3]
    db.session.rollback()
    buyer.join()


def test_baskets_of_hot_variants_that_sell_out_never_wait_for_each_other(app: Flask, scope: int) -> None:
    shop = open_shop({"ONE": 1, "TWO": 1})
    for variant in shop.variants.values():
        heat_variant(variant, 4, by=SYSTEM)
    basket = [(sku, 1, "1") for sku in shop.variants]
    failed: list[BaseException] = []

    def buy(barrier: threading.Barrier) -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            try:
                shop.order(*basket)
            except Exception as error:
                failed.append(error)

    for _ in range(ROUNDS):
        apply_moves(
            [
                Move(variant, shop.location_id, "received", on_hand=1, slot=slot)
                for variant in shop.variants.values()
                for slot in range(3)
            ],
            by=SYSTEM,
        )
        db.session.commit()
        barrier = threading.Barrier(BUYERS)
        buyers = [threading.Thread(target=buy, args=(barrier,)) for _ in range(BUYERS)]
        for each in buyers:
            each.start()
        for each in buyers:
            each.join()
        assert not failed
        assert _free(shop) == 0
        db.session.rollback()


def _free(shop: Shop) -> int:
    return db.session.scalars(
        sa.select(sa.func.sum(StockLevel.on_hand - StockLevel.allocated)).where(
            StockLevel.variant_id.in_(shop.variants.values())
        )
    ).one()
