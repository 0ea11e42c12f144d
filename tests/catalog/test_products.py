"""The list of products and the editor: works, signed out, strangers, rights, bad input, fragments, stale saves."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog.models import Product, Variant
from portal.catalog.prices import set_price
from portal.core.audit import AuditEntry
from portal.core.database import db, merchant_scope
from portal.core.outbox.models import OutboxEvent
from tests.support.client import HouseClient
from tests.support.databases import ROOT
from tests.support.people import SYSTEM, Person, make_merchant, make_person
from tests.support.statements import count_statements

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Make = Callable[..., tuple[int, list[int]]]
Read = Callable[[type[Any], int], Any]

NAUGHTY = ROOT.parent / "shared" / "data" / "naughty-strings"


def form_of(page: str, action: str) -> dict[str, str]:
    """What a browser would send back from the form with that action."""
    form = page[page.index(f'action="{action}"') :]
    form = form[: form.index("</form>")]
    fields = {
        name: unescape(value)
        for name, value in re.findall(r'<input[^>]*? name="([^"]+)"[^>]*? value="([^"]*)"', form)
    }
    fields |= {
        name: unescape(text).removeprefix("\r\n")
        for name, text in re.findall(r'<textarea[^>]*? name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S)
    }
    for name, body in re.findall(r'<select[^>]*? name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"|<option value="([^"]*)" selected', body)
        fields[name] = next((value for value in chosen.groups() if value is not None), "") if chosen else ""
    return fields


def opened(client: HouseClient, product_id: int) -> dict[str, str]:
    address = f"/catalog/products/{product_id}"
    return form_of(client.get(address).text, address)


def test_the_list_shows_products_with_variants_and_links(
    login: Login, member: Member, make_product: Make
) -> None:
    product_id, _ = make_product("Lantern", options={"Size": ["S", "M", "L"]})
    page = login(member("read-only")).get("/catalog/products").text
    assert "Lantern" in page and f"/catalog/products/{product_id}" in page
    assert re.search(r'data-label="Variants">\s*3', page)
    assert "Add product" not in page


def test_the_list_is_filtered_by_state_title_vendor_and_category(
    login: Login, member: Member, make_product: Make
) -> None:
    make_product("Lantern", vendor="Acme")
    make_product("Candle", vendor="Other")
    client = login(member("owner"))
    assert "Candle" not in client.get("/catalog/products?f=1.title.starts.lan").text
    assert "Lantern" not in client.get("/catalog/products?f=1.vendor.is.Other").text
    assert "No products match" in client.get("/catalog/products?f=1.state.is.archived").text
    assert "No products match" in client.get("/catalog/products?f=1.category.is.1").text


def test_the_list_answers_htmx_with_the_region_alone(
    login: Login, member: Member, make_product: Make
) -> None:
    make_product()
    answer = login(member("owner")).fragment("/catalog/products")
    assert answer.text.lstrip().startswith("<section") and "<html" not in answer.text


def test_an_empty_catalogue_says_what_to_do(login: Login, member: Member) -> None:
    page = login(member("owner")).get("/catalog/products").text
    assert "No products yet" in page and "Add product" in page


@pytest.mark.parametrize(
    "path",
    [
        "/catalog/products",
        "/catalog/products/1",
        "/catalog/categories",
        "/catalog/product-types",
        "/catalog/products/new",
    ],
)
def test_nobody_comes_in_without_signing_in(client: HouseClient, path: str) -> None:
    assert client.get(path).status_code == 303


def test_a_stranger_finds_nothing(app: Flask, login: Login, make_product: Make) -> None:
    product_id, (variant_id, *_) = make_product()
    stranger = login(make_person(app, make_merchant(app)))
    for path in (f"products/{product_id}", f"variants/{variant_id}", f"products/{product_id}/options"):
        assert stranger.get(f"/catalog/{path}").status_code == 404
    assert stranger.post(f"/catalog/products/{product_id}", data={"title": "Mine"}).status_code == 404


def test_reading_is_not_changing(login: Login, member: Member, make_product: Make) -> None:
    product_id, (variant_id, *_) = make_product()
    client = login(member("read-only"))
    page = client.get(f"/catalog/products/{product_id}")
    assert page.status_code == 200 and "Unsaved changes" not in page.text
    for path in (
        f"products/{product_id}",
        f"products/{product_id}/publication",
        f"variants/{variant_id}",
        f"products/{product_id}/pictures",
    ):
        assert client.post(f"/catalog/{path}").status_code == 403
    assert login(member("compliance")).get("/catalog/products").status_code == 403


def test_a_product_is_made_with_a_variant_and_told(
    app: Flask, merchant: int, login: Login, member: Member
) -> None:
    answer = login(member("owner")).post(
        "/catalog/products/new", data={"title": "Brass lantern", "sku": "BL-1"}
    )
    assert answer.status_code == 303
    product_id = int(answer.location.rpartition("/")[2])
    with app.app_context(), merchant_scope(merchant):
        product = db.session.scalars(sa.select(Product).where(Product.id == product_id)).one()
        assert (product.slug, product.state, product.title_key) == ("brass-lantern", "draft", "brass lantern")
        assert db.session.scalars(
            sa.select(Variant.sku_key).where(Variant.product_id == product_id)
        ).all() == ["BL-1"]
        actions = set(db.session.scalars(sa.select(AuditEntry.action)))
        events = db.session.scalars(
            sa.select(OutboxEvent.payload).where(OutboxEvent.kind == "product.created")
        ).all()
    assert {"product.created", "variant.created"} <= actions
    assert events == [{"product_id": product_id}]


def test_the_second_product_of_a_name_gets_a_number_in_its_address(make_product: Make, read: Read) -> None:
    first, second = make_product("Lantern")[0], make_product("Lantern")[0]
    assert (read(Product, first).slug, read(Product, second).slug) == ("lantern", "lantern-2")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"title": ""}, "Enter a title"),
        ({"title": "x" * 301}, "300 characters"),
        ({"tax_class": "luxury"}, "tax class"),
        ({"product_type_id": "999999"}, "no longer exists"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_kept(
    login: Login, member: Member, make_product: Make, values: dict[str, str], words: str
) -> None:
    product_id, _ = make_product()
    client = login(member("owner"))
    answer = client.post(
        f"/catalog/products/{product_id}", data=opened(client, product_id) | {"vendor": "Kept"} | values
    )
    assert answer.status_code == 422
    assert words in answer.text and 'aria-invalid="true"' in answer.text and 'value="Kept"' in answer.text


def test_an_address_that_is_taken_is_refused_at_its_field(
    login: Login, member: Member, make_product: Make
) -> None:
    make_product("Lantern")
    other, _ = make_product("Candle")
    client = login(member("owner"))
    answer = client.post(f"/catalog/products/{other}", data=opened(client, other) | {"slug": "lantern"})
    assert answer.status_code == 422 and "Another product has this address" in answer.text


def test_a_stale_save_keeps_what_does_not_clash_and_asks_about_the_rest(
    login: Login, member: Member, make_product: Make, read: Read
) -> None:
    product_id, _ = make_product()
    anna, ben = login(member("owner")), login(member("catalogue-manager"))
    hers, his = opened(anna, product_id), opened(ben, product_id)
    assert (
        anna.post(
            f"/catalog/products/{product_id}", data=hers | {"vendor": "Acme", "tags": "old"}
        ).status_code
        == 303
    )
    merged = ben.post(f"/catalog/products/{product_id}", data=his | {"description": "Shines."})
    assert merged.status_code == 303
    kept = read(Product, product_id)
    assert (kept.vendor, kept.tags, kept.description) == ("Acme", ["old"], "Shines.")
    clash = ben.post(f"/catalog/products/{product_id}", data=his | {"vendor": "Other", "title": "Lamp"})
    assert clash.status_code == 409
    assert "Acme" in clash.text and "Other" in clash.text
    chosen = form_of(clash.text, f"/catalog/products/{product_id}") | {"vendor": "Other"}
    assert ben.post(f"/catalog/products/{product_id}", data=chosen).status_code == 303
    kept = read(Product, product_id)
    assert (kept.vendor, kept.title, kept.tags, kept.description) == ("Other", "Lamp", ["old"], "Shines.")


def test_publishing_wants_something_to_sell_and_archiving_takes_it_away(
    login: Login, member: Member, make_product: Make, read: Read
) -> None:
    product_id, (variant_id, *_) = make_product()
    client = login(member("owner"))
    client.post(f"/catalog/variants/{variant_id}/activation/remove")
    client.post(f"/catalog/products/{product_id}/publication")
    assert read(Product, product_id).state == "draft"
    client.post(f"/catalog/variants/{variant_id}/activation")
    for step, state in (("publication", "active"), ("publication/remove", "draft"), ("archive", "archived")):
        assert client.post(f"/catalog/products/{product_id}/{step}").status_code == 303
        assert read(Product, product_id).state == state


def test_what_an_import_brought_stays_as_it_is_until_someone_changes_it(
    app: Flask, merchant: int, login: Login, member: Member, make_product: Make, read: Read
) -> None:
    product_id, _ = make_product()
    with app.app_context(), merchant_scope(merchant):
        product = db.session.get_one(Product, (merchant, product_id))
        product.slug, product.title = "Old_Handle.v2", "L" * 400
        db.session.commit()
    client = login(member("owner"))
    assert (
        client.post(
            f"/catalog/products/{product_id}", data=opened(client, product_id) | {"vendor": "Acme"}
        ).status_code
        == 303
    )
    kept = read(Product, product_id)
    assert (kept.slug, kept.title, kept.vendor) == ("Old_Handle.v2", "L" * 400, "Acme")


def test_a_damaged_form_says_so_and_saves_nothing(login: Login, member: Member, make_product: Make) -> None:
    product_id, _ = make_product()
    client = login(member("owner"))
    answer = client.post(
        f"/catalog/products/{product_id}", data=opened(client, product_id) | {"base": "{", "title": "X"}
    )
    assert answer.status_code == 422 and "arrived damaged" in answer.text


@pytest.mark.skipif(not NAUGHTY.is_dir(), reason="the naughty strings are not here")
def test_naughty_strings_pass_through_titles(login: Login, member: Member, make_product: Make) -> None:
    product_id, _ = make_product()
    client = login(member("owner"))
    path = next(each for each in sorted(NAUGHTY.rglob("*")) if each.suffix == ".txt")
    lines = [
        line
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        if line and not line.startswith("#")
    ]
    assert len(lines) > 100
    for line in [*lines[::6], "\x00nul", "a\x1fb", "\u202eabc", "٣", "x" * 400]:
        title = line.encode("utf-8", "replace").decode()
        answer = client.post(
            f"/catalog/products/{product_id}", data=opened(client, product_id) | {"title": title, "slug": ""}
        )
        assert answer.status_code in (303, 422), title
        assert client.get("/catalog/products", query_string={"q": title[:150]}).status_code == 200


def test_the_list_and_the_editor_take_the_same_statements_whatever_their_size(
    app: Flask, login: Login, member: Member, make_product: Make
) -> None:
    small, _ = make_product("Small")
    client = login(member("owner"))
    client.get("/catalog/products")
    one = count_statements(app, lambda: client.get("/catalog/products"))
    editor = count_statements(app, lambda: client.get(f"/catalog/products/{small}"))
    for number in range(12):
        make_product(f"Product {number}", options={"Size": ["S", "M"]})
    large, made = make_product(
        "Large", options={"Size": [str(n) for n in range(40)], "Colour": [str(n) for n in range(48)]}
    )
    assert len(made) > 1_900
    assert count_statements(app, lambda: client.get("/catalog/products")) == one <= 12
    assert count_statements(app, lambda: client.get(f"/catalog/products/{large}")) <= editor + 1


def test_the_history_tells_what_was_done_to_variants_and_prices_too(
    scope: int, login: Login, member: Member, make_product: Make
) -> None:
    product_id, (variant_id,) = make_product("Mug", sku="MUG-1")
    variant = db.session.scalars(sa.select(Variant).where(Variant.id == variant_id)).one()
    set_price(variant, "GBP", {"amount": "4.50"}, base={}, by=SYSTEM)
    set_price(variant, "GBP", {"amount": "5"}, base={"amount": "4.50"}, by=SYSTEM)
    db.session.commit()
    page = unescape(login(member("catalogue-manager")).get(f"/catalog/products/{product_id}").text)
    assert "Price changed: MUG-1" in page
    assert "Amount 4.50 → 5.00 GBP" in page
