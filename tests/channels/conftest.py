"""A shop of the outside world, an account that speaks to it, and things to sell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from flask import Flask

from portal.catalog.models import Price, Product, Variant
from portal.channels import keys, services, sync
from portal.channels.models import ChannelAccount
from portal.channels.services import AccountValues
from portal.core.audit import SYSTEM
from portal.core.database import db
from portal.core.normalise import code_key
from portal.stock.models import Location
from portal.stock.services import Move, apply_moves
from tests.channels.woocommerce_server import Shop, serve

NewVariant = Callable[..., int]


@pytest.fixture
def shop() -> Shop:
    """What the outside shop knows."""
    return Shop()


@pytest.fixture
def shop_url(app: Flask, shop: Shop) -> Iterator[str]:
    """The address of the shop, which the portal may call although it is on this machine."""
    before = app.config["SETTINGS"]
    with serve(shop) as url:
        app.config["SETTINGS"] = dataclasses.replace(before, private_hosts=frozenset({urlsplit(url).netloc}))
        yield url
    app.config["SETTINGS"] = before


@pytest.fixture
def account(scope: int, shop: Shop, shop_url: str) -> ChannelAccount:
    """A tested account that is switched on and takes every order."""
    made = services.connect_shop(
        "woocommerce",
        AccountValues("Market stall", shop_url, shop.currency),
        shop.key,
        shop.secret,
        by=SYSTEM,
    )
    keys.test_shop(made, by=SYSTEM)
    db.session.commit()
    made.takes_orders_from = shop.now
    services.switch_on(made, by=SYSTEM)
    db.session.commit()
    return made


@pytest.fixture
def location(scope: int) -> int:
    """A warehouse."""
    made = Location(name="Warehouse", code="MAIN")
    db.session.add(made)
    db.session.commit()
    return made.id


@pytest.fixture
def new_variant(scope: int, location: int) -> NewVariant:
    """Make something to sell: ``new_variant("A", stock=5, price="2.00")``; gives its id."""

    def make(sku: str, *, stock: int = 0, price: str | None = None, currency: str = "GBP") -> int:
        product = Product(
            title=f"Article {sku}",
            title_key=f"article {sku}".lower(),
            slug=f"article-{sku}".lower(),
            state="active",
        )
        db.session.add(product)
        db.session.flush()
        variant = Variant(product_id=product.id, sku=sku, sku_key=code_key(sku))
        db.session.add(variant)
        db.session.flush()
        if price is not None:
            db.session.add(Price(variant_id=variant.id, currency=currency, amount=Decimal(price)))
        if stock:
            apply_moves([Move(variant.id, location, "received", on_hand=stock)], by=SYSTEM)
        db.session.commit()
        return variant.id

    return make


@pytest.fixture
def turn(account: ChannelAccount, shop: Shop) -> Callable[[], bool]:
    """One turn of the account's sync, whatever pause it is in."""
    account_id = account.id

    def take() -> bool:
        fresh = services.account_of(account_id)
        caller = keys.connector_of(fresh, answer_seconds=shop.answer_seconds)
        try:
            return sync.take_turn(fresh, caller, db.session.commit, now=True)
        finally:
            shop.given_up.set()

    return take


@pytest.fixture
def look(account: ChannelAccount) -> Callable[[], int]:
    """Read the shop's catalogue and match it."""
    account_id = account.id

    def take() -> int:
        fresh = services.account_of(account_id)
        return sync.read_catalogue(fresh, keys.connector_of(fresh), db.session.commit)

    return take


@pytest.fixture
def busy(
    account: ChannelAccount,
    shop: Shop,
    turn: Callable[[], bool],
    look: Callable[[], int],
    new_variant: NewVariant,
) -> int:
    """An account in which something stands on every page; gives its id."""
    account_id = account.id
    for sku, price in (("A", "2.50"), ("B", "3.00"), ("BAD", "1.00")):
        shop.add_product(sku, name=f"Article {sku} <b>bold</b>", stock=1, price="1.00")
        new_variant(sku, stock=5, price=price)
    shop.add_product("ARTICLE-X", name="Stranger")
    new_variant("ARTICLE-XL", stock=1)
    shop.add_order([("A", 1, "2.50")])
    shop.add_order([("UNKNOWN", 1, "2.50")])
    shop.add_order([("A", 1, "2.50")], currency="???")
    look()
    shop.poison = {key for key, row in shop.products.items() if row["sku"] == "BAD"}
    turn()
    row = next(row for row in shop.products.values() if row["sku"] == "B")
    row["stock_quantity"] = 77
    look()
    return account_id
