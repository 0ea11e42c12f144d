"""A change in a real browser: figures that follow the typing, two agents, a double click, no JavaScript, the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from portal.core.database import db
from portal.orders import services as orders
from tests.orders.changes.books import money_of
from tests.support.browser import axe_findings
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, open_shop

D = Decimal
Open = Callable[..., Page]
Member = Callable[..., Person]

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 10})


def test_the_figures_follow_the_typing_and_the_refund_goes_once(
    scope: int, shop: Shop, member: Member, open_browser: Open
) -> None:
    placed = shop.order(("MUG", 3, "4.50"), paid="18.40", shipping="4.90")
    page = open_browser(member("support"))
    page.goto(f"/orders/{placed.number}/cancellation/new")
    page.get_by_label("Units of MUG to cancel").fill("2")
    page.get_by_label("Give money back now").check()
    expect(page.locator("#sketch")).to_contain_text("£9.00 goes back")
    page.get_by_label("Reason").select_option("asked")
    page.get_by_role("button", name="Preview the change").click()
    confirm = page.get_by_role("button", name="Confirm and give back £9.00")
    expect(confirm).to_be_visible()
    assert not axe_findings(page)
    confirm.dblclick()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Order {placed.number}")
    assert money_of(scope, placed.order_id) == {
        "due": D("9.40"),
        "captured": D("18.40"),
        "refunded": D(9),
        "credit": D(0),
    }


def test_two_agents_on_one_order_are_both_told(
    scope: int, shop: Shop, member: Member, open_browser: Open
) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    pages = [open_browser(member("support")) for _ in range(2)]
    for page in pages:
        page.goto(f"/orders/{placed.number}/refund/new")
        page.get_by_label("How much").fill("6")
        page.get_by_label("Reason").select_option("late")
        page.get_by_role("button", name="Preview the change").click()
        expect(page.get_by_role("button", name="Confirm and give back £6.00")).to_be_visible()
    first, second = pages
    first.get_by_role("button", name="Confirm and give back £6.00").click()
    expect(first.get_by_text("The order is changed.").first).to_be_visible()
    second.get_by_role("button", name="Confirm and give back £6.00").click()
    expect(second.get_by_role("alert").first).to_contain_text("The order changed after this preview")
    assert money_of(scope, placed.order_id)["refunded"] == D(6)


def test_a_withdrawal_without_javascript(scope: int, shop: Shop, member: Member, open_browser: Open) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="13.90", shipping="4.90")
    orders.ship_lines(placed.order_id, {1: 2}, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()
    page = open_browser(member("support"), java_script_enabled=False)
    page.goto(f"/orders/{placed.number}/returns/new")
    page.get_by_label("Units of MUG that come back").fill("2")
    page.get_by_label("Kind").select_option("withdrawal")
    page.get_by_label("Reason").select_option("withdrawal")
    for button in (
        "Record the request",
        "Approve",
        "Record the arrival",
        "Finish the inspection",
        "Preview the settlement",
    ):
        page.get_by_role("button", name=button).click()
    page.get_by_role("button", name="Confirm and give back £13.90").click()
    assert money_of(scope, placed.order_id) == {
        "due": D(0),
        "captured": D("13.90"),
        "refunded": D("13.90"),
        "credit": D(0),
    }


def test_goodwill_by_keyboard_alone_on_a_phone(
    scope: int, shop: Shop, member: Member, open_browser: Open
) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    page = open_browser(member("support"), viewport={"width": 360, "height": 740})
    page.goto(f"/orders/{placed.number}/goodwill/new")
    page.get_by_label("Take off the order").focus()
    page.keyboard.type("1.50")
    page.keyboard.press("Tab")
    page.keyboard.type("For the")
    page.keyboard.press("Enter")
    confirm = page.get_by_role("button", name="Confirm and give back £1.50")
    if not confirm.is_visible():
        page.get_by_role("button", name="Preview the change").focus()
        page.keyboard.press("Enter")
    expect(confirm).to_be_visible()
    confirm.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Order {placed.number}")
    assert money_of(scope, placed.order_id) == {
        "due": D("7.50"),
        "captured": D(9),
        "refunded": D("1.50"),
        "credit": D(0),
    }
