"""A shop that may issue invoices."""

from __future__ import annotations

import pytest

from tests.orders.documents.shops import invoicing_shop
from tests.support.shop import Shop


@pytest.fixture
def shop(scope: int) -> Shop:
    """A shop in Hamburg whose legal data is complete."""
    return invoicing_shop()
