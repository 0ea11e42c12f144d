"""What the orders of the machine are placed in: a channel, a shelf with plenty of three things, and a customer."""

from __future__ import annotations

import itertools
from typing import Final

from portal.catalog.models import Product, Variant
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.subjects import DataSubject
from portal.customers.models import Customer
from portal.orders.models import SalesChannel
from portal.stock.models import Location
from portal.stock.services import Move, apply_moves

BY: Final = Actor("system", None, "The money machine")
PLENTY: Final = 1_000_000

_serial = itertools.count(1)


class ShopOfMachine:
    """A channel, a shelf with plenty of three things, and a customer; committed."""

    def __init__(self) -> None:
        serial = next(_serial)
        subject = DataSubject()
        channel = SalesChannel(code=f"machine-{serial}", name="Web shop", kind="web")
        location = Location(name="Main", code=f"MM{serial}")
        db.session.add_all([subject, channel, location])
        db.session.flush()
        customer = Customer(subject_id=subject.id, name="Ada Lovelace")
        db.session.add(customer)
        db.session.flush()
        self.channel_id, self.location_id, self.customer_id = channel.id, location.id, customer.id
        self.variants = [_variant(f"MONEY-{serial}-{place}") for place in range(3)]
        apply_moves(
            [Move(variant, location.id, "received", on_hand=PLENTY) for variant in self.variants], by=BY
        )
        db.session.commit()


def _variant(sku: str) -> int:
    product = Product(title=sku, title_key=sku.lower(), slug=sku.lower(), state="active")
    db.session.add(product)
    db.session.flush()
    variant = Variant(product_id=product.id, sku=sku, sku_key=sku.upper())
    db.session.add(variant)
    db.session.flush()
    return int(variant.id)
