"""The category tree: moving, loops, deleting, stale saves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog.categories import category_values, change_category, create_category
from portal.catalog.models import Category
from portal.core.database import db, merchant_scope
from portal.core.errors import DomainError
from tests.catalog.test_products import form_of
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Make = Callable[..., tuple[int, list[int]]]


@pytest.fixture
def tree(app: Flask, merchant: int) -> dict[str, int]:
    """Home > Kitchen > Pots; Garden."""
    with app.app_context(), merchant_scope(merchant):
        keys: dict[str, int] = {}
        for name, parent in (("Home", ""), ("Kitchen", "Home"), ("Pots", "Kitchen"), ("Garden", "")):
            keys[name] = create_category({"name": name, "parent_id": str(keys.get(parent, ""))}, by=SYSTEM).id
        db.session.commit()
        return keys


def paths(app: Flask, merchant: int) -> dict[str, str]:
    with app.app_context(), merchant_scope(merchant):
        return {row.name: row.path for row in db.session.execute(sa.select(Category.name, Category.path))}


def test_a_subtree_moves_as_one(
    app: Flask, merchant: int, login: Login, member: Member, tree: dict[str, int]
) -> None:
    client = login(member("catalogue-manager"))
    address = f"/catalog/categories/{tree['Kitchen']}"
    form = form_of(client.get(address).text, address)
    assert client.post(address, data=form | {"parent_id": str(tree["Garden"])}).status_code == 303
    moved = paths(app, merchant)
    assert moved["Kitchen"] == f"{tree['Garden']}/{tree['Kitchen']}/"
    assert moved["Pots"] == f"{tree['Garden']}/{tree['Kitchen']}/{tree['Pots']}/"
    assert moved["Home"] == f"{tree['Home']}/"


@pytest.mark.parametrize("below", ["Home", "Kitchen", "Pots"])
def test_a_category_never_stands_below_itself(
    app: Flask, merchant: int, login: Login, member: Member, tree: dict[str, int], below: str
) -> None:
    client = login(member("owner"))
    address = f"/catalog/categories/{tree['Home']}"
    page = client.get(address).text
    answer = client.post(address, data=form_of(page, address) | {"parent_id": str(tree[below])})
    assert answer.status_code == 422 and "below itself" in answer.text
    assert "Pots" not in page and "Garden" in page


def test_two_moves_at_once_make_no_ring(app: Flask, merchant: int, tree: dict[str, int]) -> None:
    def move(name: str, parent: str) -> None:
        with app.app_context(), merchant_scope(merchant):
            category = db.session.scalars(sa.select(Category).where(Category.id == tree[name])).one()
            values = category_values(category)
            try:
                change_category(
                    category,
                    values | {"parent_id": str(tree[parent])},
                    base=values,
                    version=category.version,
                    by=SYSTEM,
                )
                db.session.commit()
            except DomainError:
                db.session.rollback()

    threads = [threading.Thread(target=move, args=pair) for pair in (("Home", "Garden"), ("Garden", "Home"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = paths(app, merchant)
    assert (found["Home"].count("/"), found["Garden"].count("/")) in {(1, 2), (2, 1)}


def test_only_an_empty_category_is_deleted(
    login: Login, member: Member, tree: dict[str, int], make_product: Make
) -> None:
    client = login(member("owner"))
    product_id, _ = make_product()
    client.post(f"/catalog/products/{product_id}/categories", data={"category": [str(tree["Pots"]), "junk"]})
    assert (
        "holds others"
        in client.post(f"/catalog/categories/{tree['Home']}/remove", follow_redirects=True).text
    )
    assert (
        "holds products"
        in client.post(f"/catalog/categories/{tree['Pots']}/remove", follow_redirects=True).text
    )
    client.post(f"/catalog/products/{product_id}/categories", data={})
    client.post(f"/catalog/categories/{tree['Pots']}/remove")
    assert "Pots" not in client.get("/catalog/categories").text


def test_a_stale_save_asks_by_name(login: Login, member: Member, tree: dict[str, int]) -> None:
    anna, ben = login(member("owner")), login(member("owner"))
    address = f"/catalog/categories/{tree['Pots']}"
    hers, his = (form_of(each.get(address).text, address) for each in (anna, ben))
    assert anna.post(address, data=hers | {"parent_id": str(tree["Garden"])}).status_code == 303
    assert ben.post(address, data=his | {"description": "For soup"}).status_code == 303
    clash = ben.post(address, data=his | {"parent_id": str(tree["Home"])})
    assert clash.status_code == 409 and ">Garden<" in clash.text and ">Home<" in clash.text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": ""}, "Enter a name"),
        ({"parent_id": "99999999"}, "no longer exists"),
        ({"position": "x"}, "whole number"),
    ],
)
def test_bad_input_is_refused_at_its_field(
    login: Login, member: Member, values: dict[str, Any], words: str
) -> None:
    answer = login(member("owner")).post("/catalog/categories/new", data={"name": "Toys"} | values)
    assert answer.status_code == 422 and words in answer.text and 'aria-invalid="true"' in answer.text


def test_strangers_and_readers_change_nothing(
    app: Flask, login: Login, member: Member, tree: dict[str, int]
) -> None:
    stranger = login(make_person(app, make_merchant(app)))
    assert stranger.get(f"/catalog/categories/{tree['Home']}").status_code == 404
    assert stranger.post(f"/catalog/categories/{tree['Home']}/remove").status_code == 404
    reader = login(member("read-only"))
    assert "Home" in reader.get("/catalog/categories").text
    assert reader.post("/catalog/categories/new", data={"name": "x"}).status_code == 403
