"""The smallest catalogue a test needs, made by the services that make the real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog import options as matrix
from portal.catalog.models import Variant
from portal.catalog.services import create_product
from portal.core.database import current_merchant_id, db, merchant_scope
from tests.support.people import SYSTEM

MakeProduct = Callable[..., tuple[int, list[int]]]


@pytest.fixture
def make_product(app: Flask, merchant: int) -> MakeProduct:
    """``make_product("Lantern", options={"Size": ["S", "M"]})`` gives the product's id and those of its variants."""

    def make(
        title: str = "Lantern", *, sku: str = "", options: dict[str, list[str]] | None = None, **values: Any
    ) -> tuple[int, list[int]]:
        with app.app_context(), merchant_scope(merchant):
            product = create_product({"title": title, "sku": sku, **values}, by=SYSTEM)
            for name, words in (options or {}).items():
                matrix.save_options(
                    product, names={}, values={}, added={}, new_name=name, new_values=words, by=SYSTEM
                )
            if options:
                matrix.generate_variants(product, by=SYSTEM)
            product_id = product.id
            db.session.commit()
            return product_id, list(
                db.session.scalars(
                    sa.select(Variant.id)
                    .where(Variant.product_id == product_id)
                    .order_by(Variant.position, Variant.id)
                )
            )

    return make


@pytest.fixture
def read(app: Flask, merchant: int) -> Callable[[type[Any], int], Any]:
    """``read(Product, 5)`` gives the row as it stands in the database."""

    def find(model: type[Any], key: int) -> Any:
        with app.app_context(), merchant_scope(merchant):
            found = db.session.get(model, (current_merchant_id(), key))
            if found is not None:
                db.session.expunge(found)
            return found

    return find
