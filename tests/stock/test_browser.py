"""Two people at one level, in real browsers; and every screen of stock under axe."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, expect

from portal.core.database import db, merchant_scope
from portal.core.jobs import run_due_jobs
from portal.stock import verifying
from portal.stock.models import StockFinding, StockLevel
from portal.stock.queries import Figures
from portal.stock.services import Move, apply_moves
from tests.stock.conftest import Shelf
from tests.support.browser import axe_findings
from tests.support.people import SYSTEM, Person

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
    expect(anna.locator(f"{row} [data-label='On hand']")).to_have_text("13")


def test_without_javascript_an_adjustment_comes_back_to_the_list(
    open_browser: Open, member: Member, shelf: Shelf, units: Callable[..., Figures]
) -> None:
    row = f"#level-{shelf.variant_id}-{shelf.main}"
    page = open_browser(member("warehouse"), java_script_enabled=False)
    page.goto("/stock?f=1.sku.starts.lan")
    page.locator(f"{row} summary").click()
    page.locator(f"{row} [name=delta]").fill("3")
    page.locator(f"{row} button").click()
    expect(page).to_have_url(re.compile("f=1.sku.starts.lan"))
    assert units().on_hand == 13


@pytest.fixture
def wrong(app: Flask, merchant: int, shelf: Shelf) -> tuple[int, int]:
    """A counter that SQL made wrong, found by a verification: the run's id and the difference's."""
    with app.app_context(), merchant_scope(merchant):
        apply_moves([Move(shelf.variant_id, shelf.main, "deallocated", allocated=-3)], by=SYSTEM)
        db.session.execute(
            sa.update(StockLevel)
            .where(StockLevel.variant_id == shelf.variant_id)
            .values(on_hand=StockLevel.__table__.c.on_hand + 2)
        )
        apply_moves([Move(shelf.variant_id, shelf.main, "sold", on_hand=-1)], by=SYSTEM)
        verifying.request_verification(by=SYSTEM)
        db.session.commit()
        run_due_jobs()
        found = db.session.scalars(sa.select(StockFinding)).one()
        return found.verification_id, found.id


def test_a_difference_is_repaired_by_keyboard_alone(
    open_browser: Open,
    member: Member,
    shelf: Shelf,
    wrong: tuple[int, int],
    units: Callable[..., Figures],
) -> None:
    page = open_browser(member("warehouse"))
    page.goto("/stock")
    page.get_by_role("link", name="See the difference").press("Enter")
    page.get_by_role("link", name="LAN-1 at Main").press("Enter")
    page.get_by_text("first movement that does not follow").wait_for()
    page.get_by_label("What the movements say").press("Space")
    page.get_by_label("Reason").press("D")
    page.get_by_role("button", name="Repair").press("Enter")
    page.get_by_text("Level and movements agree again").wait_for()
    assert units().on_hand == 9


def test_without_javascript_units_are_set_aside_and_a_number_opens_what_makes_it(
    open_browser: Open, member: Member, shelf: Shelf, units: Callable[..., Figures]
) -> None:
    page = open_browser(member("warehouse"), java_script_enabled=False)
    page.goto(f"/stock/levels/{shelf.variant_id}/{shelf.main}")
    page.get_by_label("What happens").select_option(label="Set aside as damaged")
    page.get_by_label("Units", exact=True).fill("2")
    page.locator("#aside").get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Unavailable").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Unavailable: 2")
    expect(page.locator("main")).to_contain_text("The movements come to 2")
    assert units().damaged == 2


@pytest.mark.parametrize("options", SCHEMES)
def test_axe_finds_nothing_on_the_screens_of_stock(
    open_browser: Open,
    member: Member,
    shelf: Shelf,
    wrong: tuple[int, int],
    options: dict[str, object],
) -> None:
    page = open_browser(member("owner"), **options)
    for address in (
        "",
        "/verifications",
        f"/verifications/{wrong[0]}",
        f"/findings/{wrong[1]}",
        "/settings",
        f"/variants/{shelf.variant_id}/components",
        *(
            f"/levels/{shelf.variant_id}/{shelf.main}/{counter}"
            for counter in ("on-hand", "allocated", "unavailable", "available", "incoming")
        ),
        f"/levels/{shelf.variant_id}/{shelf.main}",
        f"/variants/{shelf.variant_id}",
        "/locations",
        f"/locations/{shelf.main}",
        "/locations/new",
        "/reasons",
        f"/reasons/{shelf.reason_id}",
        "/replenishment/worklist",
    ):
        page.goto(f"/stock{address}")
        page.wait_for_load_state("networkidle")
        assert axe_findings(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} scrolls sideways"
        )
