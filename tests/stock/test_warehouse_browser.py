"""The warehouse's screens in real browsers: a scanner that types, a connection that breaks, no script, and axe."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, Route, expect

from deploy.demo import warehouse
from deploy.demo.stock import open_locations
from portal.core.database import db, merchant_scope
from portal.stock.models import (
    PurchaseOrder,
    ReplenishmentRule,
    StockCount,
    StockCountLine,
    StockTransfer,
    Supplier,
)
from tests.demo.test_warehouse import goods_of
from tests.support.browser import axe_findings
from tests.support.people import SYSTEM, Person

pytestmark = pytest.mark.browser

Member = Callable[..., Person]
Open = Callable[..., Page]
PHONE = {"viewport": {"width": 360, "height": 760}}
SCHEMES = [
    {"color_scheme": "light"},
    pytest.param({"color_scheme": "dark"}, marks=pytest.mark.axe_all),
    pytest.param({"color_scheme": "light", **PHONE}, marks=pytest.mark.axe_all),
]


@pytest.fixture
def paths(app: Flask, merchant: int) -> dict[str, str]:
    """The addresses of a warehouse at work, by what they show."""
    with app.app_context(), merchant_scope(merchant):
        places = open_locations()
        goods = goods_of(places)
        warehouse.set_to_work(places, goods, by=SYSTEM, owner=SYSTEM, pick=random.Random(3))
        found = {
            "transfers": "/stock/transfers",
            "new transfer": "/stock/transfers/new",
            "purchase orders": "/stock/purchase-orders",
            "new purchase order": "/stock/purchase-orders/new",
            "suppliers": "/stock/suppliers",
            "new supplier": "/stock/suppliers/new",
            "counts": "/stock/counts",
            "new count": "/stock/counts/new",
            "to order": "/stock/replenishment",
            "thresholds": "/stock/replenishment/thresholds",
            "new threshold": "/stock/replenishment/thresholds/new",
            "low stock settings": "/stock/replenishment/settings",
            "variant": f"/stock/replenishment/variants/{goods[0].id}",
        }
        for model, root in (
            (StockTransfer, "/stock/transfers"),
            (PurchaseOrder, "/stock/purchase-orders"),
            (StockCount, "/stock/counts"),
        ):
            for key, state in db.session.execute(sa.select(model.id, model.state)):
                found[f"{root} {state}"] = f"{root}/{key}"
        found["receive transfer"] = found["/stock/transfers in_transit"] + "/receiving"
        found["scan transfer"] = found["/stock/transfers draft"] + "/drafting"
        found["scan purchase"] = found["/stock/purchase-orders draft"] + "/drafting"
        found["edit transfer"] = found["/stock/transfers draft"] + "/edit"
        found["receive purchase"] = found["/stock/purchase-orders ordered"] + "/receiving"
        found["edit purchase"] = found["/stock/purchase-orders draft"] + "/edit"
        found["scan count"] = found["/stock/counts open"] + "/scanning"
        supplier = db.session.scalars(sa.select(Supplier.id).order_by(Supplier.id)).first()
        found["supplier"] = f"/stock/suppliers/{supplier}"
        found["edit supplier"] = f"/stock/suppliers/{supplier}/edit"
        rule = db.session.scalars(sa.select(ReplenishmentRule.id)).first()
        found["threshold"] = f"/stock/replenishment/thresholds/{rule}"
        line = db.session.scalars(
            sa.select(StockCountLine.variant_id)
            .join(StockCount, StockCount.id == StockCountLine.count_id)
            .where(StockCount.state == "review")
        ).first()
        found["line"] = f"{found['/stock/counts review']}/lines/{line}"
        return found


@pytest.mark.parametrize("options", SCHEMES)
def test_axe_finds_nothing_on_the_screens_of_the_warehouse(
    open_browser: Open, member: Member, paths: dict[str, str], options: dict[str, object]
) -> None:
    page = open_browser(member("owner"), **options)
    for name, path in paths.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        _keep(page, f"{name} {options.get('color_scheme')} {'phone' if 'viewport' in options else 'wide'}")
        assert axe_findings(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"


def _keep(page: Page, name: str) -> None:
    """Pictures for whoever wants to look, where PICTURES names a folder."""
    if os.environ.get("PICTURES"):
        folder = Path(os.environ["PICTURES"])
        folder.mkdir(exist_ok=True)
        page.screenshot(
            path=folder / f"{name.strip('/').replace('/', '-').replace(' ', '_')}.png", full_page=True
        )


def counted(app: Flask, merchant: int, path: str) -> dict[str, int]:
    with app.app_context(), merchant_scope(merchant):
        from portal.catalog.models import Variant

        rows = db.session.execute(
            sa.select(Variant.sku, StockCountLine.counted)
            .join(StockCountLine, StockCountLine.variant_id == Variant.id)
            .where(StockCountLine.count_id == int(path.rstrip("/").rpartition("/")[2]))
        )
        return {row.sku: row.counted for row in rows}


def test_a_scanner_counts_faster_than_the_server_answers_and_loses_nothing(
    app: Flask, merchant: int, open_browser: Open, member: Member, paths: dict[str, str]
) -> None:
    page = open_browser(member("warehouse"), **PHONE)
    page.goto(paths["scan count"])
    expect(page.locator("#scan-code")).to_be_focused()
    for code in ("G-1", "G-1", "G-2", "no-such-code", "G-1"):
        page.keyboard.type(code)
        page.keyboard.press("Enter")
    expect(page.locator("#scan-outcome .scan-units-now")).to_have_text("3")
    expect(page.locator("#scan-code")).to_be_focused()
    found = counted(app, merchant, paths["/stock/counts open"])
    assert (found["G-1"], found["G-2"]) == (3, 1)


def test_a_lost_connection_keeps_scans_and_sends_each_once(
    app: Flask, merchant: int, open_browser: Open, member: Member, paths: dict[str, str]
) -> None:
    page = open_browser(member("warehouse"))
    page.goto(paths["scan count"])
    lost: list[str] = []

    def break_answer(route: Route) -> None:
        # The server has counted, the answer is lost on the way back; then nothing gets through at all.
        if not lost:
            route.fetch()
        lost.append(route.request.url)
        route.abort()

    page.route("**/scans", break_answer)
    for code in ("G-3", "G-3"):
        page.keyboard.type(code)
        page.keyboard.press("Enter")
    expect(page.locator("[data-scan-waiting]")).to_contain_text("2 scans wait")
    page.unroute("**/scans")
    expect(page.locator("[data-scan-waiting]")).to_have_text("")
    assert counted(app, merchant, paths["/stock/counts open"])["G-3"] == 2


def test_a_session_that_ends_between_two_scans_loses_none(
    app: Flask, merchant: int, open_browser: Open, member: Member, paths: dict[str, str]
) -> None:
    page = open_browser(member("warehouse"))
    page.goto(paths["scan count"])
    held: list[Route] = []
    page.route("**/scans", lambda route: held.append(route), times=1)
    # Both are read before the answer: what types while a page is left types into nothing.
    with page.expect_request("**/scans"):
        for code in ("G-4", "G-4"):
            page.keyboard.type(code)
            page.keyboard.press("Enter")
    # As the portal answers a stranger; here it leads straight back, as after signing in.
    with page.expect_navigation():
        held[0].fulfill(status=401, headers={"HX-Redirect": paths["scan count"]})
    expect(page.locator("#scan-outcome .scan-units-now")).to_have_text("2")
    assert counted(app, merchant, paths["/stock/counts open"])["G-4"] == 2


def test_a_scanner_that_types_into_the_units_leaves_them_as_they_were(
    app: Flask, merchant: int, open_browser: Open, member: Member, paths: dict[str, str]
) -> None:
    page = open_browser(member("warehouse"), **PHONE)
    page.goto(paths["scan count"])
    page.locator("#scan-units").fill("3")
    # A person's typing by Playwright takes as long as the machine is busy; a scanner's does not.
    page.evaluate(
        """() => {
            const units = document.getElementById("scan-units");
            for (const key of [..."G-6", "Enter"]) {
                units.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
                if (key.length === 1) units.value += key;
            }
        }"""
    )
    expect(page.locator("#scan-outcome .scan-units-now")).to_have_text("3")
    assert counted(app, merchant, paths["/stock/counts open"])["G-6"] == 3
    expect(page.locator("#scan-units")).to_have_value("1")


def test_a_refusal_that_the_next_scan_covers_is_listed(
    open_browser: Open, member: Member, paths: dict[str, str]
) -> None:
    page = open_browser(member("warehouse"), **PHONE)
    page.goto(paths["scan count"])
    page.route("**/scans", lambda route: route.abort(), times=1)
    for code in ("no-such-code", "G-7"):
        page.keyboard.type(code)
        page.keyboard.press("Enter")
    expect(page.locator("#scan-outcome")).to_contain_text("G-7")
    expect(page.locator("[data-scan-refusals]")).to_contain_text("no-such-code No variant has")
    page.get_by_role("button", name="I have seen them").click()
    expect(page.locator("[data-scan-refusals]")).to_be_hidden()
    expect(page.locator("#scan-code")).to_be_focused()


def test_a_wrong_item_turns_the_box_red(open_browser: Open, member: Member, paths: dict[str, str]) -> None:
    page = open_browser(member("warehouse"), **PHONE)
    page.goto(paths["receive transfer"])
    page.keyboard.type("G-100")
    page.keyboard.press("Enter")
    box = page.locator("#scan-outcome")
    expect(box).to_have_attribute("data-scan-ok", "no")
    expect(box).to_contain_text("is not on this transfer")


def test_a_scanner_drafts_a_transfer_and_the_last_scan_is_undone(
    open_browser: Open, member: Member, paths: dict[str, str]
) -> None:
    page = open_browser(member("warehouse"))
    page.goto(paths["scan transfer"])
    expect(page.locator("#scan-code")).to_be_focused()
    for code in ("G-7", "G-7", "no-such-code", "G-7"):
        page.keyboard.type(code)
        page.keyboard.press("Enter")
    expect(page.locator("#draft-scans tbody tr")).to_have_count(3)
    expect(page.locator("#scan-code")).to_be_focused()
    expect(page.locator("[data-scan-refusals]")).to_contain_text("no-such-code No variant has")
    before = int(page.locator("#scan-outcome .scan-units-now").inner_text())
    page.locator("#draft-scans").get_by_role("button", name="Undo").first.click()
    expect(page.get_by_role("status").filter(has_text=f"{before - 1} left on the draft")).to_be_visible()
    expect(page.locator("#scan-code")).to_be_focused()
    expect(page.locator("#draft-scans")).to_contain_text("Undone")


def test_without_script_a_scan_is_a_plain_form(
    app: Flask, merchant: int, open_browser: Open, member: Member, paths: dict[str, str]
) -> None:
    page = open_browser(member("warehouse"), java_script_enabled=False)
    page.goto(paths["scan count"])
    page.locator("#scan-code").fill("G-5")
    page.locator("#scan-units").fill("4")
    page.locator(".scan-button").click()
    expect(page).to_have_url(re.compile("mode=add$"))
    assert counted(app, merchant, paths["/stock/counts open"])["G-5"] == 4
    page.locator("#scan-code").fill("nothing")
    page.locator(".scan-button").click()
    expect(page.locator(".is-refused")).to_contain_text("No variant has")
