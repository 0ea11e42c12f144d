"""Options, the matrix, SKUs that are unique however they are written, prices."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog import options, prices, variants
from portal.catalog.models import Price, Product, Variant
from portal.core.audit import AuditEntry
from portal.core.database import db, merchant_scope
from portal.core.errors import DomainError, StaleError
from portal.core.merging import pack_base
from portal.core.outbox.models import OutboxEvent
from tests.catalog.test_products import form_of
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Make = Callable[..., tuple[int, list[int]]]
Read = Callable[[type[Any], int], Any]


def test_options_make_the_matrix_and_the_variant_that_was_there_joins_it(
    app: Flask, merchant: int, make_product: Make
) -> None:
    product_id, keys = make_product("Shirt", options={"Size": ["S", "M"], "Colour": ["Red", "Blue"]})
    with app.app_context(), merchant_scope(merchant):
        rows = db.session.execute(
            sa.select(Variant.title, Variant.sku)
            .where(Variant.product_id == product_id)
            .order_by(Variant.position)
        ).all()
    assert len(keys) == 4
    assert {row.title for row in rows} == {"S / Red", "S / Blue", "M / Red", "M / Blue"}
    assert len({row.sku for row in rows}) == 4 and "SHIRT-M-BLUE" in {row.sku for row in rows}


def test_renaming_a_value_renames_it_on_every_variant(
    login: Login, member: Member, make_product: Make, read: Read
) -> None:
    product_id, keys = make_product("Shirt", options={"Size": ["S", "M"]})
    client = login(member("owner"))
    address = f"/catalog/products/{product_id}/options"
    page = client.get(address).text
    form = form_of(page, address)
    small = next(name for name, value in form.items() if name.startswith("value-") and value == "S")
    option = next(name for name in form if name.startswith("name-"))
    assert client.post(address, data=form | {small: "Small", option: "Fit"}).status_code == 303
    assert (
        read(Variant, keys[0]).option_values == {"Fit": "Small"} and read(Variant, keys[0]).title == "Small"
    )
    doubled = client.post(address, data=form | {small: "M"})
    assert doubled.status_code == 422 and "same value twice" in doubled.text


def test_new_values_wait_until_their_variants_are_added(
    login: Login, member: Member, make_product: Make
) -> None:
    product_id, _ = make_product("Shirt", options={"Size": ["S"]})
    client = login(member("owner"))
    address = f"/catalog/products/{product_id}/options"
    form = form_of(client.get(address).text, address)
    added = next(name for name in form if name.startswith("added-"))
    page = client.post(address, data=form | {added: "M, L"}, follow_redirects=True).text
    assert "2 combinations have no variant yet" in page
    assert client.post(f"/catalog/products/{product_id}/matrix").status_code == 303
    assert "Every combination has its variant" in client.get(address).text


def test_a_matrix_that_is_too_large_is_refused(app: Flask, merchant: int, make_product: Make) -> None:
    product_id, _ = make_product("Shirt")
    with app.app_context(), merchant_scope(merchant):
        product = db.session.get_one(Product, (merchant, product_id))
        for name in ("A", "B", "C"):
            options.save_options(
                product,
                names={},
                values={},
                added={},
                new_name=name,
                new_values=[str(n) for n in range(15)],
                by=SYSTEM,
            )
        with pytest.raises(DomainError, match="at most 2,000"):
            options.generate_variants(product, by=SYSTEM)


@pytest.mark.parametrize("twin", ["ab-1", " AB-1 ", "Ａｂ-1", "A B-1"])
def test_an_sku_is_one_however_it_is_written(
    login: Login, member: Member, make_product: Make, twin: str
) -> None:
    make_product("First", sku="AB-1")
    product_id, (key, *_) = make_product("Second", sku="CD-2")
    client = login(member("owner"))
    address = f"/catalog/variants/{key}"
    answer = client.post(address, data=form_of(client.get(address).text, address) | {"sku": twin})
    assert (
        answer.status_code == 422
        and "Another variant has the SKU" in answer.text
        and 'aria-invalid="true"' in answer.text
    )
    assert client.post(f"/catalog/products/{product_id}/variants", data={"sku": twin}).status_code == 422


def test_another_merchant_may_have_the_same_sku(app: Flask, make_product: Make, login: Login) -> None:
    make_product("First", sku="AB-1")
    other = login(make_person(app, make_merchant(app)))
    assert other.post("/catalog/products/new", data={"title": "Mine", "sku": "AB-1"}).status_code == 303


def test_of_two_who_take_one_sku_at_once_one_gets_it(app: Flask, merchant: int, make_product: Make) -> None:
    keys = [make_product(f"P{n}")[1][0] for n in range(4)]
    got: list[bool] = []

    def take(key: int) -> None:
        with app.app_context(), merchant_scope(merchant):
            try:
                variants.change_variant(
                    variants.hold_variant(key),
                    {"sku": "ONE"},
                    base={},
                    version=1,
                    by=SYSTEM,
                )
                db.session.commit()
                got.append(True)
            except DomainError:
                db.session.rollback()
                got.append(False)

    threads = [threading.Thread(target=take, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False, False, False, True]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight_grams", "-1"),
        ("weight_grams", "1.5"),
        ("unit_cost", "1,5"),
        ("unit_cost", "x"),
        ("low_stock_threshold", "many"),
        ("sku", ""),
        ("barcode", "9" * 101),
    ],
)
def test_bad_values_of_a_variant_are_refused_at_their_field(
    login: Login, member: Member, make_product: Make, field: str, value: str
) -> None:
    _, (key, *_) = make_product()
    client, address = login(member("owner")), f"/catalog/variants/{key}"
    answer = client.post(address, data=form_of(client.get(address).text, address) | {field: value})
    assert answer.status_code == 422 and f'id="{field}-error"' in answer.text


def test_a_variant_keeps_its_barcode_in_the_form_look_ups_use(
    login: Login, member: Member, make_product: Make, read: Read
) -> None:
    _, (key, *_) = make_product()
    client, address = login(member("owner")), f"/catalog/variants/{key}"
    client.post(
        address,
        data=form_of(client.get(address).text, address)
        | {"barcode": "4006-381 333931", "weight_grams": "250"},
    )
    found = read(Variant, key)
    assert (found.barcode, found.barcode_key, found.weight_grams) == ("4006-381 333931", "4006381333931", 250)


def test_two_edits_of_one_variant_are_brought_together(
    login: Login, member: Member, make_product: Make, read: Read
) -> None:
    _, (key, *_) = make_product()
    anna, ben = login(member("owner")), login(member("owner"))
    address = f"/catalog/variants/{key}"
    hers, his = (form_of(each.get(address).text, address) for each in (anna, ben))
    assert anna.post(address, data=hers | {"weight_grams": "100"}).status_code == 303
    assert ben.post(address, data=his | {"barcode": "123"}).status_code == 303
    clash = ben.post(address, data=his | {"weight_grams": "200"})
    assert clash.status_code == 409 and "Weight" in clash.text
    assert (read(Variant, key).weight_grams, read(Variant, key).barcode) == (100, "123")


def test_prices_need_their_own_right(
    login: Login, member: Member, make_product: Make, app: Flask, merchant: int
) -> None:
    _, (key, *_) = make_product()
    assert (
        login(member("support")).post(f"/catalog/variants/{key}/prices", data={"amount": "1"}).status_code
        == 403
    )
    assert 'name="amount"' not in login(member("read-only")).get(f"/catalog/variants/{key}").text


def test_a_price_is_set_changed_and_taken_away_and_each_is_told(
    app: Flask, merchant: int, login: Login, member: Member, make_product: Make
) -> None:
    product_id, (key, *_) = make_product()
    client, address = login(member("owner")), f"/catalog/variants/{key}/prices"
    assert (
        client.post(
            address, data={"currency": "gbp", "amount": "12.5", "compare_at": "15", "base": "{}"}
        ).status_code
        == 303
    )
    assert client.post(address, data={"currency": "JPY", "amount": "1800", "base": "{}"}).status_code == 303
    with app.app_context(), merchant_scope(merchant):
        found = db.session.scalars(
            sa.select(Price).where(Price.variant_id == key).order_by(Price.currency)
        ).all()
        assert [(price.currency, price.amount, price.compare_at) for price in found] == [
            ("GBP", Decimal("12.5"), Decimal(15)),
            ("JPY", Decimal(1800), None),
        ]
        assert (
            db.session.scalar(
                sa.select(sa.func.count(AuditEntry.id)).where(AuditEntry.action == "price.changed")
            )
            == 2
        )
        payloads = db.session.scalars(
            sa.select(OutboxEvent.payload).where(OutboxEvent.kind == "price.changed")
        ).all()
        assert {"variant_id": key, "product_id": product_id, "currency": "JPY"} in payloads
    base = pack_base({"amount": "1800", "compare_at": ""})
    assert (
        client.post(
            address, data={"currency": "JPY", "amount": "", "compare_at": "", "base": base}
        ).status_code
        == 303
    )
    with app.app_context(), merchant_scope(merchant):
        assert db.session.scalars(sa.select(Price.currency).where(Price.variant_id == key)).all() == ["GBP"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"currency": "XXQ"}, "no currency"),
        ({"amount": "-1"}, "at least 0"),
        ({"amount": "1,5"}, "with a point"),
        ({"amount": "1.1234567"}, "more than 6 decimals"),
        ({"amount": "9", "compare_at": "8"}, "cannot be below"),
        ({"amount": "", "compare_at": "8"}, "Enter a price"),
        ({"amount": "1e3"}, "is a number"),
    ],
)
def test_bad_prices_are_refused_at_their_field(
    login: Login, member: Member, make_product: Make, values: dict[str, str], words: str
) -> None:
    _, (key, *_) = make_product()
    answer = login(member("owner")).post(
        f"/catalog/variants/{key}/prices", data={"currency": "GBP", "amount": "5", "base": "{}"} | values
    )
    assert answer.status_code == 422 and words in answer.text and 'aria-invalid="true"' in answer.text


def test_a_stale_price_asks_and_overwrites_nothing(app: Flask, merchant: int, make_product: Make) -> None:
    _, (key, *_) = make_product()
    with app.app_context(), merchant_scope(merchant):
        variant = db.session.get_one(Variant, (merchant, key))
        prices.set_price(variant, "GBP", {"amount": "5"}, base={}, by=SYSTEM)
        prices.set_price(variant, "GBP", {"amount": "6"}, base={"amount": "5.00"}, by=SYSTEM)
        with pytest.raises(StaleError) as stale:
            prices.set_price(variant, "GBP", {"amount": "7"}, base={"amount": "5.00"}, by=SYSTEM)
        assert stale.value.clashes == {"amount": ("6.00", "7.00")}
        prices.set_price(variant, "GBP", {"amount": "6"}, base={"amount": "5.00"}, by=SYSTEM)


def test_a_row_answers_htmx_with_itself_and_its_errors(
    login: Login, member: Member, make_product: Make
) -> None:
    make_product("First", sku="AB-1")
    _, (key, *_) = make_product("Second", sku="CD-2")
    client = login(member("owner"))
    base = pack_base({"sku": "CD-2", "barcode": "", "amount": ""})
    good = client.fragment(
        f"/catalog/variants/{key}/row",
        method="POST",
        data={"sku": "CD-3", "barcode": "77", "amount": "4", "base": base},
    )
    assert (
        good.status_code == 200
        and good.text.lstrip().startswith(f'<tr id="variant-{key}"')
        and 'value="4.00"' in good.text
    )
    stale = client.fragment(
        f"/catalog/variants/{key}/row",
        method="POST",
        data={"sku": "CD-4", "barcode": "", "amount": "4", "base": base},
    )
    assert stale.status_code == 409 and "CD-3" in stale.text and "CD-4" in stale.text
    base = pack_base({"sku": "CD-3", "barcode": "77", "amount": "4.00"})
    bad = client.fragment(
        f"/catalog/variants/{key}/row",
        method="POST",
        data={"sku": "ab-1", "barcode": "77", "amount": "4.00", "base": base},
    )
    assert bad.status_code == 422 and "Another variant has the SKU" in bad.text
    plain = client.post(
        f"/catalog/variants/{key}/row", data={"sku": "ab-1", "barcode": "77", "amount": "4.00", "base": base}
    )
    assert plain.status_code == 422 and "<h1" in plain.text


def test_the_grid_pages_forth_and_back_and_opens_at_a_variant(
    login: Login, member: Member, make_product: Make
) -> None:
    product_id, keys = make_product("Large", options={"Size": [str(n) for n in range(120)]})
    client = login(member("owner"))

    def shown(query: str) -> list[int]:
        text = client.get(f"/catalog/products/{product_id}{query}").text
        return [key for key in keys if f'<tr id="variant-{key}"' in text]

    assert shown("") == keys[:50]
    assert shown(f"/variants?after=49.{keys[49]}") == keys[50:100]
    assert shown(f"/variants?after=99.{keys[99]}") == keys[100:]
    assert shown(f"/variants?before=100.{keys[100]}") == keys[50:100]
    assert shown(f"?variant={keys[110]}")[0] == keys[110]
    region = client.fragment(f"/catalog/products/{product_id}/variants?after=49.{keys[49]}").text
    assert region.lstrip().startswith("<section") and "<html" not in region
