"""A shop whose documents may be issued."""

from __future__ import annotations

from typing import Any

from portal.core.database import db
from portal.orders.documents.settings import document_settings
from tests.support.shop import Shop, open_shop


def invoicing_shop(stock: dict[str, int] | None = None, **settings: Any) -> Shop:
    """A shop in Hamburg with complete legal data; committed. ``settings`` change single fields."""
    shop = open_shop(stock or {"MUG": 1_000, "CUP": 1_000})
    own = document_settings(lock=True)
    values = {
        "company": "Nordlicht Handel GmbH", "line1": "Hafenstraße 12", "postcode": "20457", "city": "Hamburg", "country_code": "DE",
        "vat_id": "DE136695976", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "bank": "Hanseatische Bank",
        "registration": "Amtsgericht Hamburg HRB 12345",
    } | settings  # fmt: skip
    for name, value in values.items():
        setattr(own, name, value)
    db.session.add(own)
    db.session.commit()
    return shop
