"""Documents in a browser: without JavaScript, and what axe finds in light, dark and at 360 px."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.core.database import db
from portal.orders.documents import services
from tests.orders.documents.shops import invoicing_shop
from tests.support.browser import axe_findings
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop

Member = Callable[..., Person]
OpenBrowser = Callable[..., Page]
# Where pictures of the screens are put for somebody to look at.
PICTURES = os.environ.get("PICTURES")

pytestmark = pytest.mark.browser


def test_an_invoice_is_issued_and_sent_without_javascript(
    shop: Shop, member: Member, open_browser: OpenBrowser
) -> None:
    placed = shop.order(("MUG", 3, "4.50"), paid="13.50")
    page = open_browser(member("support"), java_script_enabled=False)
    page.goto(f"/orders/{placed.number}")
    page.get_by_role("link", name="Documents", exact=True).click()
    page.get_by_role("button", name="Issue invoice").click()
    expect(page.get_by_text("is issued.")).to_be_visible()
    page.get_by_role("link", name="Documents", exact=True).click()
    page.get_by_role("button", name="by mail").click()
    expect(page.get_by_text("The document goes out by mail.")).to_be_visible()


def test_the_chosen_orders_become_one_file(shop: Shop, member: Member, open_browser: OpenBrowser) -> None:
    placed = [shop.order(("MUG", 1, "4.50")) for _ in range(3)]
    page = open_browser(member())
    page.goto("/orders")
    for each in placed[:2]:
        page.get_by_role("row", name=each.number).get_by_role("checkbox").check()
    page.get_by_role("button", name="Print documents").click()
    expect(page.get_by_text("One PDF file with the documents of 2 orders.")).to_be_visible()
    page.get_by_label("Invoices, and issue those that are missing").check()
    page.get_by_role("button", name="Make PDF").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Make a PDF of documents")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(
    scope: int, member: Member, open_browser: OpenBrowser, scheme: str, width: int
) -> None:
    shop = invoicing_shop()
    placed = shop.order(("MUG", 3, "4.50"), shipping="3.00")
    services.issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    services.reverse_invoices(placed.order_id, by=SYSTEM)
    db.session.commit()
    page = open_browser(member(), color_scheme=scheme, viewport={"width": width, "height": 900})
    for name, address in {
        "list": "/documents", "settings": "/settings/documents", "panel": f"/orders/{placed.number}/documents",
        "order": f"/orders/{placed.number}",
    }.items():  # fmt: skip
        page.goto(address)
        page.wait_for_load_state("networkidle")
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{name}-{scheme}-{width}.png", full_page=True)
        if name != "order":
            assert axe_findings(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
