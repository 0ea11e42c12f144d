"""Two people at one product, in real browsers; and every screen of the catalogue under axe."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Page, Response, expect

from portal.catalog import prices
from portal.catalog.categories import create_category
from portal.catalog.models import Product, Variant
from portal.catalog.pictures import add_picture, read_picture
from portal.catalog.product_types import add_attribute, create_type
from portal.core.database import db, merchant_scope
from tests.support.browser import axe_findings
from tests.support.people import SYSTEM, Person

pytestmark = pytest.mark.browser

Member = Callable[..., Person]
Open = Callable[..., Page]
Make = Callable[..., tuple[int, list[int]]]
SCHEMES = [
    {"color_scheme": "light"},
    pytest.param({"color_scheme": "dark"}, marks=pytest.mark.axe_all),
    pytest.param(
        {"color_scheme": "light", "viewport": {"width": 360, "height": 760}}, marks=pytest.mark.axe_all
    ),
]


@pytest.fixture
def shop(app: Flask, merchant: int, make_product: Make) -> tuple[int, list[int]]:
    """A product with everything on it."""
    product_id, variants = make_product(
        "Brass lantern", vendor="Acme", options={"Size": ["Small", "Large"], "Colour": ["Red", "Blue"]}
    )
    with app.app_context(), merchant_scope(merchant):
        kind = create_type("Lights", by=SYSTEM)
        for label, form, more in (
            ("Material", "text", {}),
            ("Height", "measure", {"unit": "cm"}),
            ("Finish", "choice", {"choices": "Matt\nGloss"}),
        ):
            add_attribute(kind, {"label": label, "kind": form, **more}, by=SYSTEM)
        outer = create_category({"name": "Home"}, by=SYSTEM)
        create_category({"name": "Lighting", "parent_id": str(outer.id)}, by=SYSTEM)
        product = db.session.get_one(Product, (merchant, product_id))
        product.product_type_id = kind.id
        for key in variants:
            prices.set_price(
                db.session.get_one(Variant, (merchant, key)), "GBP", {"amount": "12.50"}, base={}, by=SYSTEM
            )
        data = io.BytesIO()
        Image.new("RGB", (640, 480), "#b5651d").save(data, "PNG")
        add_picture(product, read_picture(data.getvalue()), alt_text="A brass lantern", by=SYSTEM)
        db.session.commit()
        type_id, category_id = kind.id, outer.id
    return product_id, [*variants, type_id, category_id]


def is_save(response: Response) -> bool:
    """Whether it answers a form that was sent."""
    return response.request.method == "POST"


def test_two_browsers_at_one_product_lose_no_edit(
    open_browser: Open, member: Member, shop: tuple[int, list[int]]
) -> None:
    address = f"/catalog/products/{shop[0]}"
    anna, ben = open_browser(member("owner")), open_browser(member("catalogue-manager"))
    anna.goto(address)
    ben.goto(address)
    anna.get_by_label("Vendor").fill("Lamp works")
    anna.get_by_label("Tags").fill("brass")
    with anna.expect_response(is_save):
        anna.get_by_role("button", name="Save", exact=True).first.click()
    ben.get_by_label("Vendor").fill("Light house")
    ben.locator("#description").fill("Shines for hours.")
    ben.keyboard.press("Control+s")
    ben.get_by_role("heading", name="Someone saved this").wait_for()
    expect(ben.get_by_text("Lamp works")).to_be_visible()
    ben.get_by_role("button", name="Save these choices").click()
    expect(ben.get_by_label("Vendor")).to_have_value("Light house")
    expect(ben.get_by_label("Tags")).to_have_value("brass")
    expect(ben.locator("#description")).to_have_value("Shines for hours.")


def test_a_row_of_the_grid_is_saved_alone_and_shows_both_values_when_stale(
    open_browser: Open, member: Member, shop: tuple[int, list[int]]
) -> None:
    address, key = f"/catalog/products/{shop[0]}", shop[1][0]
    anna, ben = open_browser(member("owner")), open_browser(member("owner"))
    anna.goto(address)
    ben.goto(address)
    for page, amount in ((anna, "14.00"), (ben, "15.00")):
        page.locator(f"#variant-{key}-amount").fill(amount)
        with page.expect_response(is_save):
            page.locator(f"#row-{key} button").click()
    conflict = ben.locator(f"#variant-{key} .conflict")
    expect(conflict).to_contain_text("14.00")
    expect(conflict).to_contain_text("15.00")
    conflict.get_by_role("button", name="Save these choices").click()
    expect(ben.locator(f"#variant-{key}-amount")).to_have_value("15.00")


def test_without_javascript_a_row_is_saved_and_a_taken_sku_is_named(
    open_browser: Open, member: Member, shop: tuple[int, list[int]]
) -> None:
    first, second = shop[1][:2]
    page = open_browser(member("owner"), java_script_enabled=False)
    page.goto(f"/catalog/products/{shop[0]}")
    taken = page.locator(f"#variant-{first}-sku").input_value()
    page.locator(f"#variant-{second}-sku").fill(taken.lower())
    page.locator(f"#row-{second} button").click()
    expect(page.locator(f"#variant-{second}")).to_contain_text("Another variant has the SKU")
    page.locator(f"#variant-{second}-sku").fill("FREE-1")
    page.locator(f"#row-{second} button").click()
    expect(page.locator(f"#variant-{second}-sku")).to_have_value("FREE-1")


@pytest.mark.parametrize("options", SCHEMES)
def test_axe_finds_nothing_on_the_screens_of_the_catalogue(
    open_browser: Open, member: Member, shop: tuple[int, list[int]], options: dict[str, object]
) -> None:
    product_id, (variant_id, *_, type_id, category_id) = shop
    page = open_browser(member("owner"), **options)
    for address in (
        "products",
        f"products/{product_id}",
        "products/new",
        f"products/{product_id}/options",
        f"variants/{variant_id}",
        "categories",
        f"categories/{category_id}",
        "categories/new",
        "product-types",
        f"product-types/{type_id}",
        f"product-types/{type_id}/attributes/new",
    ):
        page.goto(f"/catalog/{address}")
        page.wait_for_load_state("networkidle")
        assert axe_findings(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} scrolls sideways"
        )


def test_long_and_arabic_names_stay_inside_a_narrow_screen(
    open_browser: Open, member: Member, make_product: Make
) -> None:
    long, keys = make_product(
        "Donaudampfschifffahrtsgesellschaft" * 6,
        vendor="V" * 200,
        options={"Größe" * 10: ["W" * 80, "مقاس كبير"]},
    )
    make_product("مصباح نحاسي من صنع اليد")
    page = open_browser(member("owner"), viewport={"width": 360, "height": 760})
    for address in ("products", f"products/{long}", f"products/{long}/options", f"variants/{keys[0]}"):
        page.goto(f"/catalog/{address}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} scrolls sideways"
        )
