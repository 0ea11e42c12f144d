"""The third shop: opened this morning. A place, three articles without stock, nobody who bought."""

from __future__ import annotations

from decimal import Decimal

from deploy.demo.cast import lend
from deploy.demo.shops import LANTERN
from portal.catalog.models import Price, Product, Variant
from portal.catalog.services import create_product
from portal.core.audit import Actor
from portal.core.database import db
from portal.stock.models import Location

ARTICLES = (
    ("House blend, 250 g", "HB-250", "8.50"),
    ("Decaf, 250 g", "DC-250", "9.20"),
    ("Filter papers, 100", "FP-100", "4.10"),
)


def fill(team: dict[str, Actor]) -> None:
    """What a first day looks like, and a way to get there from the first shop."""
    lend(LANTERN)
    db.session.add(Location(name="Back room", code="BACK", kind="store", country_code="IE"))
    for title, sku, amount in ARTICLES:
        product: Product = create_product({"title": title, "sku": sku}, by=team["catalogue"])
        variant = db.session.query(Variant).filter(Variant.product_id == product.id).one()
        db.session.add(Price(variant_id=variant.id, currency="EUR", amount=Decimal(amount)))
    db.session.commit()
