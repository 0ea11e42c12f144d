"""Product types: attributes made on the screen, typed values, required ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog.models import AttributeDefinition, Product, ProductType
from portal.catalog.product_types import add_attribute, create_type
from portal.core.database import db, merchant_scope
from tests.catalog.test_products import form_of, opened
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Make = Callable[..., tuple[int, list[int]]]
Read = Callable[[type[Any], int], Any]
KINDS: dict[str, tuple[dict[str, str], str, str]] = {
    "text": ({}, "Brass", "x" * 501),
    "long_text": ({}, "Two\nlines", "x" * 20_001),
    "integer": ({}, "-12", "1.5"),
    "decimal": ({}, "1.25", "1,25"),
    "boolean": ({}, "yes", "perhaps"),
    "date": ({}, "2026-05-03", "2026-02-31"),
    "choice": ({"choices": "Matt\nGloss"}, "Gloss", "Rough"),
    "multi_choice": ({"choices": "A\nB\nC"}, "A\nC", "A\nD"),
    "measure": ({"unit": "cm"}, "30.5", "tall"),
}


@pytest.fixture
def typed(app: Flask, merchant: int, make_product: Make) -> Callable[..., tuple[int, str]]:
    """A product whose type has one attribute of a kind; gives the product's id and the field's name."""

    def make(kind: str, *, required: bool = False) -> tuple[int, str]:
        product_id, _ = make_product()
        with app.app_context(), merchant_scope(merchant):
            made = create_type("Lights", by=SYSTEM)
            definition = add_attribute(
                made, {"label": "Quality", "kind": kind, "is_required": required, **KINDS[kind][0]}, by=SYSTEM
            )
            db.session.get_one(Product, (merchant, product_id)).product_type_id = made.id
            field = f"attribute_{definition.id}"
            db.session.commit()
        return product_id, field

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_takes_its_values_and_refuses_others(
    login: Login, member: Member, typed: Callable[..., tuple[int, str]], kind: str
) -> None:
    product_id, field = typed(kind)
    client, (_, good, bad) = login(member("owner")), KINDS[kind]
    form = opened(client, product_id)
    refused = client.post(
        f"/catalog/products/{product_id}",
        data=form | {field: bad.split("\n") if kind == "multi_choice" else bad},
    )
    assert refused.status_code == 422 and f'id="{field}-error"' in refused.text
    assert (
        client.post(
            f"/catalog/products/{product_id}",
            data=form | {field: good.split("\n") if kind == "multi_choice" else good},
        ).status_code
        == 303
    )
    page = client.get(f"/catalog/products/{product_id}").text
    shown = opened(client, product_id)[field]
    assert shown == good if kind != "multi_choice" else page.count("selected") >= 2
    assert good.split("\n")[0] in login(member("read-only")).get(
        f"/catalog/products/{product_id}"
    ).text.replace("Yes", "yes")


def test_a_required_attribute_is_asked_for_before_publishing(
    login: Login, member: Member, typed: Callable[..., tuple[int, str]], read: Read
) -> None:
    product_id, field = typed("text", required=True)
    client = login(member("owner"))
    refused = client.post(f"/catalog/products/{product_id}/publication")
    assert (
        refused.status_code == 422
        and "Quality is required" in refused.text
        and f'id="{field}-error"' in refused.text
    )
    client.post(f"/catalog/products/{product_id}", data=opened(client, product_id) | {field: "Good"})
    assert client.post(f"/catalog/products/{product_id}/publication").status_code == 303
    emptied = client.post(f"/catalog/products/{product_id}", data=opened(client, product_id) | {field: ""})
    assert emptied.status_code == 422
    assert read(Product, product_id).state == "active"


def test_two_edits_of_attributes_are_brought_together(
    login: Login, member: Member, typed: Callable[..., tuple[int, str]]
) -> None:
    product_id, field = typed("text")
    anna, ben = login(member("owner")), login(member("owner"))
    hers, his = opened(anna, product_id), opened(ben, product_id)
    assert anna.post(f"/catalog/products/{product_id}", data=hers | {field: "Good"}).status_code == 303
    assert ben.post(f"/catalog/products/{product_id}", data=his | {"vendor": "Acme"}).status_code == 303
    assert opened(ben, product_id)[field] == "Good"
    clash = ben.post(f"/catalog/products/{product_id}", data=his | {field: "Best"})
    assert (
        clash.status_code == 409 and "Quality" in clash.text and "Good" in clash.text and "Best" in clash.text
    )


def test_types_and_attributes_are_made_on_the_screen(
    app: Flask, merchant: int, login: Login, member: Member
) -> None:
    client = login(member("catalogue-manager"))
    assert "No product types yet" in client.get("/catalog/product-types").text
    home = client.post("/catalog/product-types", data={"name": "Books"}).location
    assert client.post("/catalog/product-types", data={"name": "books"}).status_code == 422
    form = {"label": "Binding", "kind": "choice", "choices": "Hard\nSoft", "is_required": "y"}
    assert client.post(f"{home}/attributes/new", data=form).status_code == 303
    assert client.post(f"{home}/attributes/new", data=form).status_code == 422
    page = client.get(home).text
    assert "Binding" in page and "Hard, Soft" in page
    with app.app_context(), merchant_scope(merchant):
        definition = db.session.scalars(sa.select(AttributeDefinition)).one()
        assert (definition.code, definition.is_required, definition.choices) == (
            "binding",
            True,
            ["Hard", "Soft"],
        )
        key = definition.id
    address = f"{home}/attributes/{key}"
    form = form_of(client.get(address).text, address)
    assert client.post(address, data=form | {"label": "Cover"}).status_code == 303
    assert client.post(f"{address}/remove").status_code == 303
    assert client.post(f"{home}/remove").status_code == 303
    with app.app_context(), merchant_scope(merchant):
        assert db.session.scalars(sa.select(ProductType.id)).all() == []


def test_two_edits_of_one_attribute_are_brought_together(
    app: Flask, merchant: int, login: Login, member: Member
) -> None:
    with app.app_context(), merchant_scope(merchant):
        made = create_type("Lights", by=SYSTEM)
        definition = add_attribute(made, {"label": "Finish", "kind": "choice", "choices": "Matt"}, by=SYSTEM)
        address = f"/catalog/product-types/{made.id}/attributes/{definition.id}"
        db.session.commit()
    anna, ben = login(member("owner")), login(member("owner"))
    hers, his = (form_of(client.get(address).text, address) for client in (anna, ben))
    assert anna.post(address, data=hers | {"choices": "Matt\nGloss", "is_required": "y"}).status_code == 303
    assert ben.post(address, data=his | {"label": "Surface"}).status_code == 303
    clash = ben.post(address, data=his | {"label": "Coat", "choices": "Matt\nRough"})
    assert clash.status_code == 409 and "Gloss" in clash.text and "Rough" in clash.text
    decided = form_of(clash.text, address)
    assert ben.post(address, data=decided | {"label": "Coat", "choices": "Matt\nRough"}).status_code == 303
    with app.app_context(), merchant_scope(merchant):
        saved = db.session.scalars(sa.select(AttributeDefinition)).one()
        assert (saved.label, saved.choices, saved.is_required) == ("Coat", ["Matt", "Rough"], True)


@pytest.mark.parametrize(
    "values", [{"label": ""}, {"kind": "magic"}, {"kind": "choice"}, {"kind": "measure"}]
)
def test_a_wrong_attribute_is_refused_at_its_field(
    login: Login, member: Member, values: dict[str, str]
) -> None:
    client = login(member("owner"))
    home = client.post("/catalog/product-types", data={"name": "Books"}).location
    answer = client.post(f"{home}/attributes/new", data={"label": "Pages", "kind": "integer"} | values)
    assert answer.status_code == 422 and 'aria-invalid="true"' in answer.text


def test_the_kind_stays_once_products_have_values(
    login: Login, member: Member, typed: Callable[..., tuple[int, str]], app: Flask, merchant: int
) -> None:
    product_id, field = typed("choice")
    client = login(member("owner"))
    client.post(f"/catalog/products/{product_id}", data=opened(client, product_id) | {field: "Gloss"})
    with app.app_context(), merchant_scope(merchant):
        definition = db.session.scalars(sa.select(AttributeDefinition)).one()
        address = f"/catalog/product-types/{definition.product_type_id}/attributes/{definition.id}"
    form = form_of(client.get(address).text, address)
    assert client.post(address, data=form | {"kind": "text"}).status_code == 422
    gone = client.post(address, data=form | {"choices": "Matt"})
    assert gone.status_code == 422 and "Gloss" in gone.text
    refused = client.post(f"/catalog/product-types/{address.split('/')[3]}/remove", follow_redirects=True)
    assert "Products have this type" in refused.text


def test_strangers_and_readers_change_nothing(
    app: Flask, merchant: int, login: Login, member: Member
) -> None:
    with app.app_context(), merchant_scope(merchant):
        type_id = create_type("Lights", by=SYSTEM).id
        db.session.commit()
    stranger = login(make_person(app, make_merchant(app)))
    assert stranger.get(f"/catalog/product-types/{type_id}").status_code == 404
    reader = login(member("read-only"))
    assert reader.get(f"/catalog/product-types/{type_id}").status_code == 200
    assert reader.post("/catalog/product-types", data={"name": "x"}).status_code == 403


def test_two_who_rename_a_type_are_both_told(app: Flask, merchant: int, login: Login, member: Member) -> None:
    with app.app_context(), merchant_scope(merchant):
        address = f"/catalog/product-types/{create_type('Lights', by=SYSTEM).id}"
        db.session.commit()
    client = login(member("owner"))
    first = form_of(client.get(address).text, address)
    assert client.post(address, data=first | {"name": "Lamps"}).status_code == 303
    # The same name typed twice clashes with nothing.
    assert client.post(address, data=first | {"name": "Lamps"}).status_code == 303
    late = client.post(address, data=first | {"name": "Lanterns"})
    assert late.status_code == 409 and "Lamps" in late.text and "Lanterns" in late.text
    chosen = form_of(late.text, address) | {"name": "Lanterns"}
    assert client.post(address, data=chosen).status_code == 303
    assert "Lanterns" in client.get(address).text
    fresh = form_of(client.get(address).text, address)
    assert client.post(address, data=fresh | {"name": " "}).status_code == 422
