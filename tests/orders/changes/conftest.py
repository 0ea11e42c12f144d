"""An order to change: placed, paid, and read back as the database holds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.core.database import db
from portal.orders import services
from portal.orders.placement import PlacedOrder
from tests.support.people import SYSTEM
from tests.support.shop import Shop, open_shop

Sent = Callable[..., PlacedOrder]


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 10, "PLATE": 10})


@pytest.fixture
def sent(shop: Shop) -> Sent:
    """Place an order, pay it and send it: ``sent(("MUG", 2, "4.50"), paid="9")``."""

    def make(*lines: tuple[str, int, str], **values: Any) -> PlacedOrder:
        placed = shop.order(*lines, **values)
        services.ship_lines(
            placed.order_id,
            {n: line[1] for n, line in enumerate(lines, 1)},
            carrier=None,
            tracking_number=None,
            by=SYSTEM,
        )
        db.session.commit()
        return placed

    return make
