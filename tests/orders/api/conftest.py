"""Programs that call the API."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts.api_keys import create_key
from portal.catalog.models import Price
from portal.core.database import db
from tests.support.people import SYSTEM
from tests.support.shop import Shop, open_shop


@dataclass(slots=True)
class Program:
    """A client with a key."""

    app: Flask
    secret: str
    key_id: int

    def get(self, path: str, **values: Any) -> TestResponse:
        return self.app.test_client().get(path, headers=self._headers(), **values)

    def post(self, path: str, body: Any, key: str | None = None, **headers: str) -> TestResponse:
        sent = self._headers() | {"Idempotency-Key": key or uuid.uuid4().hex} | headers
        return self.app.test_client().post(path, json=body, headers=sent)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


@pytest.fixture
def shop(scope: int) -> Shop:
    """A mug at 4.50 and a plate at 7.25 pounds."""
    shop = open_shop({"MUG": 100, "PLATE": 40})
    for sku, amount in (("MUG", "4.50"), ("PLATE", "7.25")):
        db.session.add(Price(variant_id=shop.variants[sku], currency="GBP", amount=amount))
    db.session.commit()
    return shop


@pytest.fixture
def program(app: Flask, shop: Shop) -> Callable[..., Program]:
    """Make a key: ``program("orders.read", channel=None)``."""

    def make(*scopes: str, channel: int | None = shop.channel_id, rate: int = 600) -> Program:
        wanted: Iterable[str] = scopes or ("orders.read", "orders.write")
        key, secret = create_key(
            name="Shop", scopes=wanted, channel_id=channel, rate_per_minute=rate, by=SYSTEM
        )
        key_id = key.id
        db.session.commit()
        return Program(app, secret, key_id)

    return make


def basket(**more: Any) -> dict[str, Any]:
    """Two mugs and a plate, to London."""
    return {
        "currency": "GBP",
        "lines": [{"sku": "MUG", "quantity": 2}, {"sku": "plate", "quantity": 1}],
        "buyer": {"name": "Ada Lovelace", "email": "ada@example.com"},
        "shipping_address": {"name": "Ada Lovelace", "city": "London", "country_code": "GB"},
        "shipping": {"label": "Standard", "amount": "3.95"},
        "payment": {"method": "card"},
    } | more
