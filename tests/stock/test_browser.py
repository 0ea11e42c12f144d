"""Two people at one level, in real browsers; and every screen of stock under axe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from portal.stock.queries import Figures
from tests.stock.conftest import Shelf
from tests.support.browser import axe_findings
from tests.support.people import Person

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


def test_two_browsers_at_one_level_add_up(
    open_browser: Open, member: Member, shelf: Shelf, units: Callable[..., Figures]
) -> None:
    row = f"#level-{shelf.variant_id}-{shelf.main}"
    anna, ben = open_browser(member("warehouse")), open_browser(member("owner"))
    for page in (anna, ben):
        page.goto("/stock")
    for page, delta in ((anna, "5"), (ben, "-4"), (anna, "2")):
        page.locator(f"{row} summary").click()
        page.locator(f"{row} [name=delta]").fill(delta)
        page.locator(f"{row} [name=reason_id]").select_option(label="Damaged")
        with page.expect_response("**/adjustments"):
            page.locator(f"{row} button").dblclick()
        page.get_by_text("of LAN-1 at Main").last.wait_for()
    assert units().on_hand == 13
    assert anna.locator(f"{row} [data-label='On hand']").inner_text() == "13"


def test_without_javascript_an_adjustment_comes_back_to_the_list(
    open_browser: Open, member: Member, shelf: Shelf, units: Callable[..., Figures]
) -> None:
    row = f"#level-{shelf.variant_id}-{shelf.main}"
    page = open_browser(member("warehouse"), java_script_enabled=False)
    page.goto("/stock?f=1.sku.starts.lan")
    page.locator(f"{row} summary").click()
    page.locator(f"{row} [name=delta]").fill("3")
    page.locator(f"{row} button").click()
    assert "f=1.sku.starts.lan" in page.url
    assert units().on_hand == 13


@pytest.mark.parametrize("options", SCHEMES)
def test_axe_finds_nothing_on_the_screens_of_stock(
    open_browser: Open, member: Member, shelf: Shelf, options: dict[str, object]
) -> None:
    page = open_browser(member("owner"), **options)
    for address in (
        "",
        f"/levels/{shelf.variant_id}/{shelf.main}",
        f"/variants/{shelf.variant_id}",
        "/locations",
        f"/locations/{shelf.main}",
        "/locations/new",
        "/reasons",
        f"/reasons/{shelf.reason_id}",
        "/worklist",
    ):
        page.goto(f"/stock{address}")
        page.wait_for_load_state("networkidle")
        assert axe_findings(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} scrolls sideways"
        )
