"""A shop in which everything can be found in one way only, and a second one with the same things."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.catalog.models import Product, Variant
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.normalise import code_key, tracking_key
from portal.core.tenancy import current_merchant_id
from portal.customers.services import create_customer, save_address
from portal.orders.models import OrderFulfilment, OrderRef, SalesChannel
from portal.orders.placement import NewContact, NewLine, NewOrder, place_order

ROBOT = Actor("system", None, "tests")


def make_customer(name="Anna Müller", email="anna.mueller@example.com", phone="07700 900123", postcode=None):
    customer = create_customer({"name": name, "email": email, "phone": phone, "country_code": "GB"}, by=ROBOT)
    if postcode:
        save_address(
            customer,
            {"line1": "1 High Street", "postcode": postcode, "country_code": "GB", "name": name},
            by=ROBOT,
        )
    db.session.commit()
    return customer.id


def make_variant(sku="TEA-12", barcode=None, title="Teapot"):
    product = Product(title=title, title_key=title.lower(), slug=f"{sku}-{title}".lower())
    db.session.add(product)
    db.session.flush()
    variant = Variant(
        product_id=product.id,
        sku=sku,
        sku_key=code_key(sku),
        barcode=barcode,
        barcode_key=tracking_key(barcode),
    )
    db.session.add(variant)
    db.session.commit()
    return variant.id


def make_order(external_id=None, tracking=None, number=None, **contact):
    channel = db.session.scalars(sa.select(SalesChannel)).first()
    if channel is None:
        channel = SalesChannel(code="web", name="Web", kind="web")
        db.session.add(channel)
        db.session.flush()
    placed = place_order(
        NewOrder(
            channel_id=channel.id,
            currency="GBP",
            external_id=external_id,
            placed_at=dt.datetime.now(dt.UTC),
            phone_region="GB",
            lines=[NewLine(sku="X", title="Thing", quantity=1, unit_price=Decimal(5), is_stocked=False)],
            contacts=[NewContact("buyer", **contact)] if contact else [],
        ),
        by=ROBOT,
    )
    if tracking:
        db.session.add(
            OrderFulfilment(
                order_id=placed.order_id,
                n=1,
                state="shipped",
                tracking_number=tracking,
                tracking_key=tracking_key(tracking),
            )
        )
    if number:
        db.session.execute(
            sa.update(OrderRef.__table__)
            .where(
                OrderRef.__table__.c.merchant_id == current_merchant_id(),
                OrderRef.__table__.c.order_id == placed.order_id,
            )
            .values(number=number)
        )
    db.session.commit()
    return placed.order_id


@pytest.fixture
def shop(scope):
    """Noise that must not be found."""
    make_customer("Bert Jones", "bert@example.com", "07700 900999", "M1 1AE")
    make_variant("CUP-1", "5012345678900", "Cup")
    make_order(
        external_id="WEB-1",
        tracking="JD0002",
        name="Carla Noise",
        email="carla@example.com",
        phone="07700 900888",
        postcode="M1 1AE",
    )
    return scope
