"""The demo's warehouse shows every state that its papers have, and its ledger adds up."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import Flask

from deploy.demo import warehouse
from deploy.demo.stock import open_locations
from portal.catalog.models import Product, Variant
from portal.core.database import db, merchant_scope
from portal.stock.ledger import ledger_sums
from portal.stock.models import PurchaseOrder, StockCount, StockLevel, StockTransfer
from portal.stock.models.counting import COUNT_STATES
from portal.stock.models.purchasing import PURCHASE_STATES
from portal.stock.models.transfers import TRANSFER_STATES
from portal.stock.queries import figures
from portal.stock.replenishment.proposals import proposals
from portal.stock.services import Move, apply_moves
from tests.support.people import SYSTEM


def goods_of(places: tuple[int, int, int]) -> list[sa.Row[Any]]:
    product = Product(title="Goods", title_key="goods", slug="goods", state="active")
    db.session.add(product)
    db.session.flush()
    variants = [
        Variant(product_id=product.id, sku=f"G-{number}", sku_key=f"G-{number}") for number in range(110)
    ]
    db.session.add_all(variants)
    db.session.flush()
    scarce = {20, 29, 38, 47, 56, 65}
    apply_moves(
        [
            Move(variant.id, place, "opening", on_hand=8 if number in scarce else 40)
            for number, variant in enumerate(variants)
            for place in (places[0], places[2])
        ],
        by=SYSTEM,
    )
    db.session.commit()
    amount = sa.literal(Decimal("3.50")).label("amount")
    return list(db.session.execute(sa.select(Variant.id, Variant.sku, amount).order_by(Variant.id)))


def test_every_state_is_there(app: Flask, merchant: int) -> None:
    with app.app_context(), merchant_scope(merchant):
        places = open_locations()
        goods = goods_of(places)
        warehouse.set_to_work(places, goods, by=SYSTEM, owner=SYSTEM, pick=random.Random(3))
        for model, states in (
            (StockTransfer, TRANSFER_STATES),
            (PurchaseOrder, PURCHASE_STATES),
            (StockCount, COUNT_STATES),
        ):
            found = set(db.session.scalars(sa.select(model.state)))
            assert set(states) - found <= {"applying"}, model
        assert any(proposal.supplier and proposal.needs for proposal in proposals())
        keys = db.session.execute(sa.select(StockLevel.variant_id, StockLevel.location_id)).all()
        for variant_id, location_id in keys[::7]:
            assert figures(variant_id, location_id) == ledger_sums(variant_id, location_id)
