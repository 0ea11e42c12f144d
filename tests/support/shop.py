"""A small shop inside the merchant in scope: a channel, a location, variants with stock, orders."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from portal.catalog.models import Product, Variant
from portal.core.database import db
from portal.orders.models import SalesChannel
from portal.orders.placement import (
    NewCharge,
    NewContact,
    NewLine,
    NewOrder,
    NewPayment,
    PlacedOrder,
    place_order,
)
from portal.stock.models import Location
from portal.stock.services import Move, apply_moves
from tests.support.people import SYSTEM

_serial = itertools.count(1)

ADA: Final = NewContact(
    "shipping", name="Ada Lovelace", email="ada@example.com", phone="020 7946 0018", line1="12 High Street", city="London",
    postcode="SW1A 1AA", country_code="GB",
)  # fmt: skip


@dataclass(slots=True)
class Shop:
    """Ids of what was made; ``variants`` are SKU to id."""

    channel_id: int
    location_id: int
    variants: dict[str, int] = field(default_factory=dict)

    def order(self, *lines: tuple[str, int, str], **values: Any) -> PlacedOrder:
        """Place and commit an order: ``shop.order(("MUG", 2, "4.50"), paid="9.00")``."""
        paid = values.pop("paid", None)
        shipping = values.pop("shipping", None)
        new = NewOrder(
            channel_id=self.channel_id, currency=values.pop("currency", "GBP"),
            lines=[NewLine(sku, sku.title(), units, Decimal(price), variant_id=self.variants.get(sku)) for sku, units, price in lines],
            contacts=values.pop("contacts", (ADA,)),
            charges=(NewCharge("shipping", "Delivery", Decimal(shipping)),) if shipping else (),
            payments=values.pop("payments", (NewPayment("card", Decimal(paid), Decimal(paid)),) if paid else ()), **values,
        )  # fmt: skip
        placed = place_order(new, by=SYSTEM)
        db.session.commit()
        return placed


def open_shop(stock: dict[str, int] | None = None) -> Shop:
    """A shop that has so many units of each SKU; committed. Call it inside the ``scope`` fixture."""
    serial = next(_serial)
    channel, location = (
        SalesChannel(code=f"web-{serial}", name="Web shop", kind="web"),
        Location(name="Main", code=f"M{serial}"),
    )
    db.session.add_all([channel, location])
    db.session.flush()
    shop = Shop(channel.id, location.id)
    for sku, units in (stock or {"MUG": 10}).items():
        shop.variants[sku] = make_variant(sku).id
        if units:
            apply_moves([Move(shop.variants[sku], location.id, "received", on_hand=units)], by=SYSTEM)
    db.session.commit()
    return shop


def make_variant(sku: str, title: str | None = None) -> Variant:
    """A product with one variant, flushed."""
    product = Product(
        title=title or sku.title(),
        title_key=sku.lower(),
        slug=f"{sku.lower()}-{next(_serial)}",
        state="active",
    )
    db.session.add(product)
    db.session.flush()
    variant = Variant(product_id=product.id, sku=sku, sku_key=sku.upper())
    db.session.add(variant)
    db.session.flush()
    return variant


def levels(variant_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """On hand and allocated of each variant, read anew."""
    from portal.stock.models import StockLevel

    db.session.expire_all()
    rows = db.session.query(StockLevel).filter(StockLevel.variant_id.in_(variant_ids)).all()
    return {row.variant_id: (row.on_hand, row.allocated) for row in rows}
