"""The smallest stock a test needs: a variant, two locations, and units made by the services that make the real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog.models import Variant
from portal.catalog.services import create_product
from portal.core.database import db, merchant_scope
from portal.stock.ledger import ledger_sums
from portal.stock.places import add_location, add_reason
from portal.stock.queries import Figures, figures
from portal.stock.services import Move, apply_moves
from tests.support.people import SYSTEM


@dataclass(frozen=True)
class Shelf:
    """Ids of a variant and of the places it may lie."""

    variant_id: int
    product_id: int
    main: int
    shop: int
    reason_id: int


@pytest.fixture
def shelf(app: Flask, merchant: int) -> Shelf:
    """A counted variant with 10 units in the main warehouse, of which 3 are allocated."""
    with app.app_context(), merchant_scope(merchant):
        product = create_product({"title": "Lantern", "sku": "LAN-1"}, by=SYSTEM)
        variant_id = db.session.scalars(sa.select(Variant.id).where(Variant.product_id == product.id)).one()
        main = add_location({"name": "Main", "kind": "warehouse"}, by=SYSTEM)
        shop = add_location({"name": "Shop", "kind": "store", "position": "1"}, by=SYSTEM)
        reason = add_reason({"label": "Damaged"}, by=SYSTEM)
        apply_moves([Move(variant_id, main.id, "opening", on_hand=10)], by=SYSTEM)
        apply_moves(
            [Move(variant_id, main.id, "allocated", allocated=3, cause_kind="order", cause_id=77)], by=SYSTEM
        )
        made = Shelf(variant_id, product.id, main.id, shop.id, reason.id)
        db.session.commit()
        return made


@pytest.fixture
def units(app: Flask, merchant: int, shelf: Shelf) -> Callable[..., Figures]:
    """``units()`` gives the figures in the main warehouse, and checks that the movements add up to them."""

    def read(location_id: int | None = None) -> Figures:
        with app.app_context(), merchant_scope(merchant):
            found, summed = (
                figures(shelf.variant_id, location_id or shelf.main),
                ledger_sums(shelf.variant_id, location_id or shelf.main),
            )
            assert found == summed
            return found

    return read
