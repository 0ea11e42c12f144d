"""The core of an order in a browser: with JavaScript off, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from portal.core.database import current_merchant_id, db
from portal.orders.models import Order
from tests.browser.hands import tab_to
from tests.support.people import Person
from tests.support.shop import Shop, levels, open_shop

Member = Callable[..., Person]
OpenBrowser = Callable[..., Page]

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 10})


def state_of(order_id: int) -> tuple[Any, ...]:
    db.session.rollback()
    head = Order.__table__.c
    found = db.session.execute(
        sa.select(head.state, head.payment_state, head.fulfilment_state).where(
            head.merchant_id == current_merchant_id(), head.id == order_id
        )
    )
    return tuple(found.one())


def test_an_order_is_handled_without_javascript(
    shop: Shop, member: Member, open_browser: OpenBrowser
) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    page = open_browser(member("support"), java_script_enabled=False)
    page.goto("/orders")
    page.get_by_role("link", name=placed.number, exact=True).click()

    hold = page.locator("#hold")
    hold.get_by_label("Reason").select_option("The address needs checking")
    hold.get_by_role("button", name="Hold").click()
    expect(page.get_by_text("On hold: The address needs checking")).to_be_visible()
    page.get_by_role("button", name="Release hold").click()
    expect(page.get_by_text("The order goes on.")).to_be_visible()

    page.get_by_role("link", name="Send parcel").click()
    ship = page.locator("#ship")
    ship.get_by_label("Units of MUG to send").fill("2")
    ship.get_by_role("button", name="Send").click()
    expect(page.get_by_text("The parcel is on its way.")).to_be_visible()

    page.get_by_role("link", name="Payments").click()
    page.get_by_text("Record a payment").click()
    page.get_by_label("Amount").fill("4.50")
    page.get_by_role("button", name="Record payment").click()
    expect(page.get_by_text("The payment is recorded.")).to_be_visible()

    page.get_by_label("Note", exact=True).fill("Rang about the third mug")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Rang about the third mug")).to_be_visible()

    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_text("The order is cancelled.")).to_be_visible()
    assert state_of(placed.order_id) == ("closed", "part_paid", "fulfilled")
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (8, 0)}


def test_a_refused_parcel_says_why_without_javascript(
    shop: Shop, member: Member, open_browser: OpenBrowser
) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    page = open_browser(member("warehouse"), java_script_enabled=False)
    page.goto(f"/orders/{placed.number}")
    page.get_by_role("link", name="Send parcel").click()
    page.locator("#ship").get_by_label("Units of MUG to send").fill("0")
    page.locator("#ship").get_by_role("button", name="Send").click()
    expect(page.get_by_text("Enter how many units leave")).to_be_visible()


def test_an_order_is_handled_by_keyboard(shop: Shop, member: Member, open_browser: OpenBrowser) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    page = open_browser(member("support"))
    page.goto("/orders")
    press(page, page.get_by_role("link", name=placed.number, exact=True))
    page.wait_for_url(f"**/orders/{placed.number}*")

    press(page, page.get_by_role("button", name="Hold", exact=True))
    page.keyboard.press("Escape")
    expect(page.locator("#hold")).to_be_hidden()
    press(page, page.get_by_role("button", name="Hold", exact=True))
    tab_to(page, page.locator("#hold").get_by_label("Reason"))
    page.keyboard.type("The payment")
    press(page, page.locator("#hold").get_by_role("button", name="Hold"))
    expect(page.get_by_text("On hold: The payment needs checking")).to_be_visible()
    press(page, page.get_by_role("button", name="Release hold"))
    expect(page.get_by_text("The order goes on.")).to_be_visible()

    press(page, page.get_by_role("link", name="Send parcel"))
    tab_to(page, page.locator("#ship").get_by_label("Units of MUG to send"))
    page.keyboard.type("2")
    press(page, page.locator("#ship").get_by_role("button", name="Send"))
    expect(page.get_by_text("The parcel is on its way.")).to_be_visible()

    press(page, page.get_by_text("Record a payment"))
    tab_to(page, page.get_by_label("Amount"))
    page.keyboard.type("4.50")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The payment is recorded.")).to_be_visible()

    tab_to(page, page.get_by_label("Note", exact=True))
    page.keyboard.type("By keyboard")
    press(page, page.get_by_role("button", name="Add note"))
    expect(page.get_by_text("By keyboard")).to_be_visible()

    press(page, page.get_by_role("button", name="Cancel order"))
    press(page, page.get_by_role("button", name="Cancel the order"))
    expect(page.get_by_text("The order is cancelled.")).to_be_visible()
    assert state_of(placed.order_id) == ("closed", "part_paid", "fulfilled")


def press(page: Page, target: Any) -> None:
    tab_to(page, target)
    page.keyboard.press("Enter")
