"""Two people and one order in two browsers, a double click, a stale tab; a pick list under a scanner; everything under axe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.core.database import db
from portal.orders.fulfilment import collecting, correcting
from portal.orders.fulfilment.parcels import plan_parcel, ship_lines
from portal.orders.holds import hold_order
from portal.orders.picking.services import make_pick_list
from portal.orders.shortfalls.services import open_shortfall
from tests.orders.life.conftest import Read, line, parcels, second_place
from tests.support.browser import axe_findings
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, levels

pytestmark = pytest.mark.browser

Member = Callable[..., Person]
Open = Callable[..., Page]
SCHEMES = [
    {"color_scheme": "light"},
    pytest.param({"color_scheme": "dark"}, marks=pytest.mark.axe_all),
    pytest.param(
        {"color_scheme": "light", "viewport": {"width": 360, "height": 760}}, marks=pytest.mark.axe_all
    ),
]


def test_two_agents_see_each_other_and_the_slower_one_is_told(
    open_browser: Open, member: Member, shop: Shop, head: Read
) -> None:
    placed = shop.order(("MUG", 3, "4.50"), paid="13.50")
    anna, ben = (
        open_browser(member("support", name="Anna Ames")),
        open_browser(member("owner", name="Ben Bale")),
    )
    anna.goto(f"/orders/{placed.number}")
    ben.goto(f"/orders/{placed.number}/parcels/new")
    ben.goto(f"/orders/{placed.number}")
    expect(ben.locator("#order-presence")).to_contain_text("Anna Ames")
    anna.goto(f"/orders/{placed.number}/parcels/new")
    ben.goto(f"/orders/{placed.number}/parcels/new")
    for page, units in ((anna, "3"), (ben, "1")):
        page.get_by_label("Units of MUG to send").fill(units)
    anna.get_by_role("button", name="Send", exact=True).click()
    expect(anna.get_by_text("The parcel is on its way.")).to_be_visible()
    ben.get_by_role("button", name="Send", exact=True).click()
    expect(ben.get_by_text("This order changed after the page was opened")).to_be_visible()
    assert head(placed.order_id).state == "closed"
    assert len(parcels(placed.order_id)) == 1
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (7, 0)}


def test_an_open_tab_says_that_the_order_moved_on(open_browser: Open, member: Member, shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    page = open_browser(member("support"))
    page.goto(f"/orders/{placed.number}")
    hold_order(placed.order_id, "It may be fraud", by=SYSTEM)
    db.session.commit()
    expect(page.get_by_text("This order changed since you opened it.")).to_be_visible()
    page.get_by_role("link", name="Show how it stands now").click()
    expect(page.get_by_text("On hold: It may be fraud")).to_be_visible()


def test_a_double_click_hands_out_and_packs_once(open_browser: Open, member: Member, shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"), paid="13.50")
    plan_parcel(placed.order_id, {1: 1}, by=SYSTEM)
    db.session.commit()
    page = open_browser(member("warehouse"))
    page.goto(f"/orders/{placed.number}")
    page.get_by_role("button", name="Packed", exact=True).dblclick()
    expect(page.locator("#parcel-1").get_by_text("Packed", exact=True)).to_be_visible()
    page.goto(f"/orders/{placed.number}/parcels/new")
    page.get_by_label("Units of MUG to send").fill("1")
    page.get_by_role("button", name="Send", exact=True).dblclick()
    page.wait_for_load_state("networkidle")
    assert line(placed.order_id).fulfilled_quantity == 1
    assert [each.state for each in parcels(placed.order_id)] == ["packed", "shipped"]


def test_a_wrong_item_is_refused_at_the_shelf(open_browser: Open, member: Member, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9.00")
    made = make_pick_list(shop.location_id, most=5, by=SYSTEM).id
    db.session.commit()
    page = open_browser(member("warehouse"), viewport={"width": 360, "height": 760})
    page.goto(f"/pick-lists/{made}")
    expect(page.get_by_label("Barcode or SKU")).to_be_focused()
    for code, outcome in (
        ("CUP", "not on this list"),
        ("MUG", "1 more to fetch"),
        ("mug", "All are here"),
        ("MUG", "picked already"),
    ):
        page.keyboard.type(code)
        page.keyboard.press("Enter")
        expect(page.locator("#scan-outcome")).to_contain_text(outcome)
        expect(page.get_by_label("Barcode or SKU")).to_be_focused()
    expect(page.locator("#pick-line-1")).to_contain_text("Put one back")
    page.get_by_role("button", name="All packed").click()
    expect(page.get_by_text("All parcels are packed.")).to_be_visible()
    assert parcels(placed.order_id)[0].state == "packed"


def test_a_parcel_is_made_and_sent_without_javascript(
    open_browser: Open, member: Member, shop: Shop, head: Read
) -> None:
    placed = shop.order(("MUG", 1, "4.50"), paid="4.50")
    page = open_browser(member("support"), java_script_enabled=False)
    page.goto(f"/orders/{placed.number}")
    page.get_by_role("link", name="Send parcel").click()
    page.get_by_label("Set it apart, to be packed and sent later").check()
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("link", name="Parcels", exact=True).click()
    page.get_by_text("Send this parcel").click()
    page.get_by_label("Carrier").fill("DPD")
    page.get_by_label("Tracking number").fill("123")
    page.get_by_role("button", name="Send parcel").click()
    expect(page.get_by_text("The parcel is on its way.")).to_be_visible()
    assert head(placed.order_id).state == "closed"


@pytest.mark.parametrize("options", SCHEMES)
def test_axe_finds_nothing_on_the_screens_of_an_orders_life(
    open_browser: Open, member: Member, shop: Shop, options: dict[str, object]
) -> None:
    second_place(shop, MUG=5)
    placed = shop.order(("MUG", 6, "4.50"), ("CUP", 4, "3"), paid="39.00")
    ship_lines(placed.order_id, {1: 2}, carrier="DPD", tracking_number="0123", by=SYSTEM)
    n = plan_parcel(placed.order_id, {1: 1}, by=SYSTEM)
    correcting.label_made(placed.order_id, n, by=SYSTEM)
    collecting.set_ready(placed.order_id, {1: 1}, location_id=None, by=SYSTEM)
    case = open_shortfall(placed.order_id, 2, 1, cause="count", by=SYSTEM)
    shop.order(("MUG", 1, "4.50"), paid="4.50")
    made = make_pick_list(shop.location_id, most=5, by=SYSTEM).id
    db.session.commit()
    here = f"/orders/{placed.number}"
    page = open_browser(member("owner"), **options)
    for address in (
        here, f"{here}/parcels", f"{here}/parcels/new", f"{here}/letters/new?text=late", f"{here}/contacts/1/edit",
        f"{here}/shortfalls/{case}", "/shortfalls", "/pick-lists/", "/pick-lists/new", f"/pick-lists/{made}",
        "/settings/fulfilment", "/settings/letters", "/settings/letters/new",
    ):  # fmt: skip
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert axe_findings(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} scrolls sideways"
        )
