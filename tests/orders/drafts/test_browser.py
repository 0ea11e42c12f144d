"""The composer and the settings of selling in a browser: live totals, no script, small screens, nothing for axe."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal as D

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from portal.catalog.models import Price
from portal.core.database import db
from portal.orders.models import Order, TaxRate
from portal.orders.sales_channels.services import ChannelValues, create_channel
from tests.support.browser import axe_findings
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, open_shop

Open = Callable[..., Page]
SCREENS = (
    "/drafts",
    "/settings/tax",
    "/settings/tax/usual-rates",
    "/settings/tax/currencies",
    "/settings/sales-channels",
    "/settings/sales-channels/new",
    "/vouchers",
    "/vouchers/new",
    "/settings/api-keys",
)


@pytest.fixture
def shop(scope: int) -> Shop:
    shop = open_shop({"MUG": 10, "PLATE": 4})
    for sku, amount in (("MUG", "4.50"), ("PLATE", "7.25")):
        db.session.add(Price(variant_id=shop.variants[sku], currency="GBP", amount=D(amount)))
    db.session.add(
        TaxRate(
            country_code="GB", tax_class="standard", name="VAT", rate=D("0.2"), valid_from=dt.date(2020, 1, 1)
        )
    )
    create_channel(ChannelValues("Phone", "phone", "phone"), by=SYSTEM)
    db.session.commit()
    return shop


def compose(page: Page) -> None:
    page.goto("/drafts")
    page.get_by_role("button", name="New order").click()
    page.get_by_label("Add a variant").fill("mug")
    page.get_by_role("button", name="Find and add").click()
    expect(page.get_by_label("Units of MUG")).to_have_value("1")


def test_what_it_costs_follows_what_is_typed(
    open_browser: Open, member: Callable[..., Person], shop: Shop
) -> None:
    page = open_browser(member("owner"))
    compose(page)
    totals = page.locator("#draft-totals")
    expect(totals).to_contain_text("£5.40")
    page.get_by_label("Units of MUG").fill("2")
    page.get_by_label("Shipping charge").fill("3.95")
    page.get_by_label("Shipping charge").press("Tab")
    expect(totals).to_contain_text("£15.54")
    page.get_by_label("Discount", exact=True).fill("50")
    page.get_by_label("Discount", exact=True).press("Tab")
    expect(totals).to_contain_text("£10.14")
    page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    page.get_by_role("button", name="Place order").click()
    expect(page).to_have_url(re.compile(r"/orders/"))
    assert db.session.scalars(sa.select(Order.total)).one() == D("10.14")


def test_it_works_without_script(open_browser: Open, member: Callable[..., Person], shop: Shop) -> None:
    page = open_browser(member("owner"), java_script_enabled=False)
    compose(page)
    page.get_by_label("Shipping charge").fill("3.95")
    page.get_by_role("button", name="Recalculate").last.click()
    expect(page.locator("#draft-totals")).to_contain_text("£10.14")
    page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    page.get_by_role("button", name="Place order").click()
    assert db.session.scalars(sa.select(Order.total)).one() == D("10.14")


def test_the_page_is_at_a_field_at_once_and_the_costs_stay_in_sight(
    open_browser: Open, member: Callable[..., Person], shop: Shop
) -> None:
    page = open_browser(member("owner"), viewport={"width": 1280, "height": 500})
    compose(page)
    page.get_by_label("Postcode").evaluate("field => field.focus()")
    moved, bar, costs = page.evaluate(
        "() => [scrollY, ...['.topbar', '#draft-totals'].map(name => document.querySelector(name).getBoundingClientRect())]"
    )
    assert moved > 300
    assert costs["top"] >= bar["bottom"]
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") == moved


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_screens_of_selling_are_for_everyone(
    open_browser: Open, member: Callable[..., Person], shop: Shop, scheme: str, width: int
) -> None:
    page = open_browser(member("owner"), color_scheme=scheme, viewport={"width": width, "height": 900})
    compose(page)
    found = axe_findings(page)
    page.get_by_label("Add a variant").fill("p")
    page.get_by_label("Price of one MUG").fill("4.00")
    page.get_by_role("button", name="Recalculate").last.click()
    expect(page.get_by_role("alert").first).to_contain_text("Say why")
    found += axe_findings(page)
    for path in SCREENS:
        page.goto(path)
        found += [f"{path}: {finding}" for finding in axe_findings(page)]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is wider than the screen by {wide}"
    assert found == []
