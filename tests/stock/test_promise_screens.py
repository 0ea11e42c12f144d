"""The screens of promises: reservations, hot variants, routing rules and their simulator, settings, policies."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page

from portal.catalog.models import Variant
from portal.core.audit.models import AuditEntry
from portal.core.database import db, merchant_scope
from portal.core.merging import pack_base
from portal.orders.models import OrderLine
from portal.stock.heat import heat_variant
from portal.stock.models import HotVariant, Location, PromiseSetting, RoutingRule, StockReservation
from portal.stock.promise_settings import setting_texts
from portal.stock.queries import figures
from portal.stock.reservations import release, reserve
from portal.stock.routing.planning import Want
from portal.stock.routing.services import rule_texts
from portal.stock.services import Move, apply_moves
from tests.support.browser import axe_findings
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, open_shop

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
SCHEMES = [
    {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    pytest.param(
        {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}}, marks=pytest.mark.axe_all
    ),
    pytest.param(
        {"color_scheme": "light", "viewport": {"width": 360, "height": 760}}, marks=pytest.mark.axe_all
    ),
]


@pytest.fixture
def shop(app: Flask, merchant: int) -> Shop:
    """Twelve mugs in Britain and five in Paris; a basket keeps two, the plates are hot, a rule prefers Paris for France."""
    with app.app_context(), merchant_scope(merchant):
        made = open_shop({"MUG": 12, "PLATE": 40})
        db.session.get_one(Location, (merchant, made.location_id)).country_code = "GB"
        paris = Location(name="Paris", code="PAR", kind="store", country_code="FR", position=1)
        db.session.add(paris)
        db.session.flush()
        apply_moves([Move(made.variants["MUG"], paris.id, "received", on_hand=5)], by=SYSTEM)
        reserve("basket-41", [Want(1, "MUG", 2, {made.variants["MUG"]: 1})], holder="basket", by=SYSTEM)
        heat_variant(made.variants["PLATE"], 4, by=SYSTEM)
        db.session.add(
            RoutingRule(
                name="France from Paris",
                position=1,
                strategy="prefer_location",
                location_id=paris.id,
                country_codes=["FR"],
            )
        )
        db.session.add(RoutingRule(name="At home", position=2, strategy="same_country"))
        db.session.commit()
        return made


def the(app: Flask, merchant: int, model: type[Any], *names: str) -> Any:
    """Columns of the only row there is."""
    with app.app_context(), merchant_scope(merchant):
        row = db.session.scalars(sa.select(model)).one()
        found = tuple(getattr(row, name) for name in names)
        return found if len(names) > 1 else found[0]


def test_a_reservation_is_listed_opened_and_released_once(
    app: Flask, merchant: int, shop: Shop, member: Member, login: Login
) -> None:
    client = login(member("warehouse"))
    listed = client.get("/stock/reservations")
    assert "basket-41" in listed.text
    assert "2 × MUG" in listed.text
    reservation_id = the(app, merchant, StockReservation, "id")
    assert "Kept until" in client.get(f"/stock/reservations/{reservation_id}").text
    for words in ("on sale again", "has ended already"):
        sent = client.post(f"/stock/reservations/{reservation_id}/release", follow_redirects=True)
        assert words in sent.text
    with app.app_context(), merchant_scope(merchant):
        assert figures(shop.variants["MUG"], shop.location_id).reserved == 0
        assert db.session.scalar(
            sa.select(sa.func.count(AuditEntry.id)).where(AuditEntry.action == "stock.reservation_released")
        )


def test_a_variant_is_spread_and_gathered_by_hand(
    app: Flask, merchant: int, shop: Shop, member: Member, login: Login
) -> None:
    client = login(member("warehouse"))
    assert "10" in client.get("/stock/hot-variants").text
    assert client.post("/stock/hot-variants", data={"sku": "NOPE", "slots": "8"}).status_code == 422
    assert client.post("/stock/hot-variants", data={"sku": "mug", "slots": "1"}).status_code == 422
    assert client.post("/stock/hot-variants", data={"sku": "mug", "slots": "6"}).status_code == 303
    with app.app_context(), merchant_scope(merchant):
        assert dict(db.session.execute(sa.select(HotVariant.variant_id, HotVariant.slots)).all()) == {
            shop.variants["PLATE"]: 4,
            shop.variants["MUG"]: 6,
        }
    client.post(f"/stock/hot-variants/{shop.variants['MUG']}/gather")
    with app.app_context(), merchant_scope(merchant):
        assert db.session.scalars(sa.select(HotVariant.variant_id)).all() == [shop.variants["PLATE"]]
        assert figures(shop.variants["MUG"], shop.location_id).on_hand == 12


def test_the_simulator_says_from_where_and_why(shop: Shop, member: Member, login: Login) -> None:
    client = login(member("owner"))
    page = client.get("/stock/routing/simulator?sku-1=MUG&units-1=3&country=FR").text
    assert "This would ship from Paris, because “France from Paris” counts: Paris comes first" in page
    page = client.get("/stock/routing/simulator?sku-1=MUG&units-1=3&country=GB").text
    assert "This would ship from Main" in page
    assert "the country is GB" in page
    page = client.get("/stock/routing/simulator?sku-1=MUG&units-1=20").text
    assert "Not there: 5 × MUG" in page
    refused = client.get("/stock/routing/simulator?sku-1=NOPE")
    assert refused.status_code == 422
    assert client.get("/stock/routing/simulator?order=99999999").status_code == 422


def test_the_simulator_tries_an_order_with_its_own_units(
    app: Flask, merchant: int, shop: Shop, member: Member, login: Login
) -> None:
    with app.app_context(), merchant_scope(merchant):
        number = shop.order(("MUG", 10, "1")).number
    page = login(member("owner")).get(f"/stock/routing/simulator?order={number}").text
    assert "This would ship from Main" in page
    assert "Not there" not in page


def test_rules_are_added_changed_moved_switched_and_deleted(
    app: Flask, merchant: int, shop: Shop, member: Member, login: Login
) -> None:
    client = login(member("owner"))
    refused = client.post("/stock/routing/new", data={"name": "Cheap", "strategy": "exclude_location"})
    assert refused.status_code == 422
    assert "Choose the location" in refused.text
    assert 'value="Cheap"' in refused.text
    sent = {
        "name": "Few",
        "strategy": "fewest_parcels",
        "country_codes": "de fr",
        "least_total": "20",
        "most_total": "10",
    }
    assert client.post("/stock/routing/new", data=sent).status_code == 422
    assert client.post("/stock/routing/new", data=sent | {"most_total": "99.50"}).status_code == 303
    with app.app_context(), merchant_scope(merchant):
        rule = db.session.scalars(sa.select(RoutingRule).where(RoutingRule.name == "Few")).one()
        assert (rule.position, rule.country_codes) == (3, ["DE", "FR"])
        key, version, opened = rule.id, rule.version, pack_base(rule_texts(rule))
    client.post(f"/stock/routing/{key}/position", data={"step": "up"})
    client.post(f"/stock/routing/{key}/activation/remove")
    with app.app_context(), merchant_scope(merchant):
        names = db.session.scalars(sa.select(RoutingRule.name).order_by(RoutingRule.position)).all()
        assert names == ["France from Paris", "Few", "At home"]
        assert not db.session.get_one(RoutingRule, (merchant, key)).is_active
    typed = sent | {"most_total": "99.5", "base": opened}
    assert client.post(f"/stock/routing/{key}", data=typed | {"tag": "big"}).status_code == 303
    stale = client.post(f"/stock/routing/{key}", data=typed | {"tag": "small"})
    assert stale.status_code == 409
    assert 'value="small"' in stale.text and 'value="big"' in stale.text
    gone = client.post(f"/stock/routing/{key}/removal", data={"version": str(version)}, follow_redirects=True)
    assert "Someone changed this rule" in gone.text
    with app.app_context(), merchant_scope(merchant):
        version = db.session.get_one(RoutingRule, (merchant, key)).version
    client.post(f"/stock/routing/{key}/removal", data={"version": str(version)})
    with app.app_context(), merchant_scope(merchant):
        assert db.session.get(RoutingRule, (merchant, key)) is None


def test_the_setting_is_saved_and_a_stale_page_shows_both_values(
    app: Flask, merchant: int, member: Member, login: Login
) -> None:
    client = login(member("owner"))
    with app.app_context(), merchant_scope(merchant):
        opened = pack_base(setting_texts())
    sent = {
        "allocate_on": "payment", "basket_minutes": "20", "payment_minutes": "90", "hot_slots": "16", "base": opened,
    }  # fmt: skip
    assert client.post("/stock/allocation-settings", data=sent | {"basket_minutes": "0"}).status_code == 422
    assert client.post("/stock/allocation-settings", data=sent).status_code == 303
    assert the(app, merchant, PromiseSetting, "allocate_on", "basket_minutes", "heats_by_itself") == (
        "payment",
        20,
        False,
    )
    # Opened before that save: what does not clash is kept from both, the rest is asked with both values.
    mine = sent | {
        "basket_minutes": "15",
        "payment_minutes": "60",
        "hot_slots": "8",
        "allocate_on": "placement",
    }
    other = mine | {"heats_by_itself": "y"}
    assert client.post("/stock/allocation-settings", data=other).status_code == 303
    clash = client.post("/stock/allocation-settings", data=mine | {"payment_minutes": "120"})
    assert clash.status_code == 409
    assert 'value="120"' in clash.text and 'value="90"' in clash.text
    assert 'value="90"' in client.get("/stock/allocation-settings").text


def test_a_variant_says_what_it_does_without_stock(
    app: Flask, merchant: int, shop: Shop, member: Member, login: Login
) -> None:
    client = login(member("owner"))
    variant_id = shop.variants["MUG"]
    here = f"/stock/variants/{variant_id}/policy"
    assert "Sell only what is there" in client.get(here).text
    base = pack_base({"policy": "deny", "limit": "", "until": ""})
    sent = {"policy": "backorder", "limit": "7", "until": "2030-01-01", "base": base}
    assert client.post(here, data=sent | {"limit": "x"}).status_code == 422
    assert client.post(here, data=sent).status_code == 303
    stale = client.post(here, data=sent | {"limit": "9"})
    assert stale.status_code == 409
    assert 'value="9"' in stale.text and 'value="7"' in stale.text
    with app.app_context(), merchant_scope(merchant):
        variant = db.session.get_one(Variant, (merchant, variant_id))
        assert (variant.stock_policy, variant.backorder_limit, variant.preorder_until) == (
            "backorder",
            7,
            None,
        )


def test_the_order_shows_where_its_units_lie_and_looks_for_missing_ones(
    app: Flask, merchant: int, shop: Shop, member: Member, login: Login
) -> None:
    with app.app_context(), merchant_scope(merchant):
        order = shop.order(("MUG", 16, "1"))
    client = login(member("support"))
    panel = client.fragment(f"/orders/{order.number}/allocation").text
    assert "Paris" in panel
    assert "Look for the missing units" in panel
    with app.app_context(), merchant_scope(merchant):
        release("basket-41", by=SYSTEM)
        db.session.commit()
    answer = client.post(f"/orders/{order.number}/allocation", follow_redirects=True)
    assert "Every unit of the order is promised" in answer.text
    with app.app_context(), merchant_scope(merchant):
        assert db.session.scalars(sa.select(OrderLine.allocated_quantity)).one() == 16


def test_who_may_not_edit_sees_and_does_nothing(
    app: Flask, merchant: int, shop: Shop, member: Member, login: Login
) -> None:
    client = login(member("analyst"))
    reservation_id = the(app, merchant, StockReservation, "id")
    assert client.post(f"/stock/reservations/{reservation_id}/release").status_code == 403
    assert client.post("/stock/hot-variants", data={"sku": "MUG"}).status_code == 403
    assert client.post("/stock/routing/new", data={}).status_code == 403


PAGES = {
    "reservations": "/stock/reservations",
    "hot": "/stock/hot-variants",
    "settings": "/stock/allocation-settings",
    "rules": "/stock/routing",
    "rule": "/stock/routing/new",
    "simulator": "/stock/routing/simulator?sku-1=MUG&units-1=20&country=FR",
}


@pytest.mark.browser
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    app: Flask,
    merchant: int,
    shop: Shop,
    member: Member,
    open_browser: Callable[..., Page],
    scheme: dict[str, object],
) -> None:
    with app.app_context(), merchant_scope(merchant):
        order = shop.order(("MUG", 16, "1"), placed_at=dt.datetime.now(dt.UTC))
    reservation_id = the(app, merchant, StockReservation, "id")
    page = open_browser(member("owner"), **scheme)
    found = {}
    pages = PAGES | {
        "reservation": f"/stock/reservations/{reservation_id}",
        "policy": f"/stock/variants/{shop.variants['MUG']}/policy",
        "order": f"/orders/{order.number}/allocation",
    }
    for name, path in pages.items():
        page.goto(path)
        _picture(page, name, scheme)
        found[name] = axe_findings(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    assert not any(found.values()), found


@pytest.mark.browser
def test_a_rule_is_made_without_javascript(
    app: Flask, merchant: int, shop: Shop, member: Member, open_browser: Callable[..., Page]
) -> None:
    page = open_browser(member("owner"), java_script_enabled=False)
    page.goto("/stock/routing")
    page.get_by_role("link", name="Add rule").click()
    page.get_by_label("Name").fill("Leave Paris out")
    page.get_by_label("What it does").select_option("exclude_location")
    page.get_by_label("Location", exact=True).select_option(label="Paris")
    page.get_by_role("button", name="Add rule").click()
    assert page.get_by_role("row", name="Leave Paris out").count() == 1


def _picture(page: Page, name: str, scheme: dict[str, object]) -> None:
    """Kept where PICTURES says, to be looked at."""
    folder = os.environ.get("PICTURES")
    if folder:
        size = scheme["viewport"]["width"]  # type: ignore[index]
        page.screenshot(
            path=str(Path(folder) / f"{name}-{size}-{scheme['color_scheme']}.png"), full_page=True
        )
