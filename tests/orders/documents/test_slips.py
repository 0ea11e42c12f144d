"""Packing slips, return slips and pick lists: what they say, and of whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.orders import services as acts
from portal.orders.documents import services
from portal.orders.documents.merging import page_count
from portal.orders.documents.papers import Paper
from portal.orders.documents.settings import document_settings
from portal.orders.documents.slips import packing_papers
from portal.orders.models import OrderReturn, OrderReturnLine
from portal.orders.picking.services import make_pick_list
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop


def test_each_parcel_has_a_slip_with_what_is_in_it(shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"), ("CUP", 1, "2.00"))
    (waiting,) = packing_papers(placed.order_id, document_settings())
    assert _units(waiting) == {"MUG": "3", "CUP": "1"}
    for units in ({1: 2}, {1: 1, 2: 1}):
        acts.ship_lines(placed.order_id, units, carrier="DHL", tracking_number="JD0001", by=SYSTEM)
    db.session.commit()
    slips = packing_papers(placed.order_id, document_settings())
    assert [_units(slip) for slip in slips] == [{"MUG": "2"}, {"MUG": "1", "CUP": "1"}]
    assert "Ada Lovelace" in slips[0].recipient
    assert [code.text for code in slips[0].codes] == [placed.number]
    assert page_count(services.packing_slip(placed.order_id, 2)) == 1
    with pytest.raises(NotFoundError):
        services.packing_slip(placed.order_id, 3)


def test_a_return_slip_leads_home(shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    keys = {"merchant_id": current_merchant_id(), "order_id": placed.order_id}
    db.session.execute(sa.insert(OrderReturn.__table__).values(**keys, n=1))
    db.session.execute(sa.insert(OrderReturnLine.__table__).values(**keys, return_n=1, line_n=1, quantity=2))
    db.session.commit()
    assert page_count(services.return_slip(placed.order_id, 1)) == 1
    with pytest.raises(NotFoundError):
        services.return_slip(placed.order_id, 2)


def test_slips_open_from_the_order_and_lists_from_the_warehouse(
    shop: Shop, login: Callable[[Person], HouseClient], member: Callable[..., Person]
) -> None:
    placed, waiting = shop.order(("MUG", 1, "4.50"), paid="4.50"), shop.order(("CUP", 1, "2.00"), paid="2.00")
    acts.ship_lines(placed.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM)
    made = make_pick_list(shop.location_id, most=10, by=SYSTEM)
    db.session.commit()
    browser = login(member("warehouse"))
    assert browser.get(f"/orders/{placed.number}/packing-slips/1").data.startswith(b"%PDF-")
    assert browser.get(f"/orders/{placed.number}/packing-slips/9").status_code == 404
    assert browser.get(f"/documents/pick-lists/{made.id}").data.startswith(b"%PDF-")
    assert browser.get("/documents/pick-lists/999999").status_code == 404
    assert login(member("analyst")).get(f"/orders/{waiting.number}/packing-slips/1").status_code == 403


def _units(paper: Paper) -> dict[str, str]:
    assert paper.goods is not None
    return {str(sku): str(units) for units, _, sku in paper.goods.rows}
