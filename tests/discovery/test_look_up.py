"""Whatever a caller reads out finds its thing: exactly, or by its beginning."""

from __future__ import annotations

import json

import pytest

from portal.core.database import db, merchant_scope
from portal.discovery.services import look_up
from tests.core.test_normalise import collection
from tests.discovery.conftest import make_customer, make_order, make_variant
from tests.support.people import make_merchant
from tests.support.statements import statements_seen

ALL = frozenset({"orders.view", "customers.view", "catalog.view"})


@pytest.fixture
def find(app, shop):
    def run(typed, permissions=ALL, limit=20):
        with app.test_request_context("/"):
            return look_up(typed, country="GB", permissions=permissions, limit=limit)

    return run


def found(result):
    return {(hit.kind, hit.key) for hit in result.hits}


@pytest.mark.parametrize("typed", ["A-777", "#A-777", " a-777 "])
def test_an_order_by_its_number(find, typed):
    order = make_order(number="A-777")
    result = find(typed)
    assert found(result) == {("orders", order)} and result.is_exact and result.only


def test_an_order_by_the_channels_number(find):
    order = make_order(external_id="SHOPIFY-450789469")
    assert found(find("shopify-450789469")) == {("orders", order)}
    assert found(find("SHOPIFY-4507")) == {("orders", order)}
    assert not find("SHOPIFY-4507").is_exact


@pytest.mark.parametrize(
    "typed", ["anna.mueller@example.com", "ANNA.Mueller@Example.com ", "anna.mue", "anna.mueller@"]
)
def test_a_customer_by_e_mail(find, typed):
    made = make_customer()
    assert found(find(typed)) == {("customers", made)}


@pytest.mark.parametrize(
    "typed",
    [
        "07700 900123",
        "+44 7700 900123",
        "0044 7700 900 123",
        "(07700) 900-123",
        "7700900123",
        "447700900123",
        "900123",
    ],
)
def test_a_customer_by_phone_in_any_form(find, typed):
    made = make_customer()
    assert found(find(typed)) == {("customers", made)}


@pytest.mark.parametrize("typed", ["Anna Müller", "anna muller", "Müller, Anna", "MÜLLER", "mull"])
def test_a_customer_by_name(find, typed):
    made = make_customer()
    assert found(find(typed)) == {("customers", made)}


@pytest.mark.parametrize("typed", ["SW1A 1AA Müller", "müller sw1a1aa", "Anna Müller, SW1A 1AA"])
def test_a_customer_by_postcode_and_surname(find, typed):
    make_customer("Carla Other", "other@example.com", None, "SW1A 1AA")
    made = make_customer(postcode="SW1A 1AA")
    assert found(find(typed)) == {("customers", made)}


@pytest.mark.parametrize(
    "typed", ["dora.guest@example.com", "07700 900555", "Dora Guest", "SW1A 2AA Guest", "guest do"]
)
def test_a_guest_by_the_order(find, typed):
    order = make_order(
        name="Dora Guest", email="dora.guest@example.com", phone="07700 900555", postcode="SW1A 2AA"
    )
    assert found(find(typed)) == {("orders", order)}


@pytest.mark.parametrize("typed", ["TEA-12", "tea-12", "4006381333931", "TEA-1", "400 6381 333931"])
def test_a_variant_by_sku_and_barcode(find, typed):
    made = make_variant(barcode="4006381333931")
    assert found(find(typed)) == {("products", made)}


@pytest.mark.parametrize("typed", ["1Z 999-AA1 0123", "1z999aa10123", "1Z999AA1"])
def test_an_order_by_tracking_number(find, typed):
    made = make_order(tracking="1Z999AA10123")
    assert found(find(typed)) == {("orders", made)}


def test_exact_comes_before_prefix(find):
    make_variant("TEA-12"), make_variant("TEA-123", title="Big teapot")
    result = find("TEA-12")
    assert [hit.title for hit in result.hits] == ["TEA-12"] and result.is_exact
    assert len(find("TEA-1").hits) == 2


def test_only_what_the_person_may_see(find):
    make_customer()
    make_variant("ANNA.MUELLER@EXAMPLE.COM"), make_order(email="anna.mueller@example.com", name="Anna Müller")
    for permission, kind in (("orders.view", "orders"), ("customers.view", "customers")):
        assert {kind for kind, _ in found(find("anna.mueller@example.com", frozenset({permission})))} == {
            kind
        }
    assert find("anna.mueller@example.com", frozenset({"catalog.view"})).hits == []


def test_people_are_masked(find):
    make_customer(), make_order(name="Dora Guest", email="dora@example.com")
    for typed in ("Anna Müller", "dora@example.com"):
        text = json.dumps([(hit.title, hit.detail) for hit in find(typed).hits])
        assert "M" in text or "D" in text
        assert not any(secret in text for secret in ("ller", "mueller", "Guest", "dora@"))


def test_another_merchants_things_are_not_found(app, find, shop):
    other = make_merchant(app)
    db.session.commit()
    with app.app_context(), merchant_scope(other):
        (
            make_customer("Eve Elsewhere", "eve@example.com", "07700 900777"),
            make_variant("EVE-1"),
            make_order(number="EVE-9"),
        )
    for typed in ("eve@example.com", "07700 900777", "Eve Elsewhere", "EVE-1", "EVE-9", "EVE"):
        assert find(typed).hits == []


def test_nothing_typed_can_break_it(find):
    for typed in [
        *collection(),
        "%",
        "_",
        "' OR 1=1 --",
        "A" * 5000,
        "١٢٣٤٥٦٧",
        "+",
        "#",
        "@",
        "-",
        "()",
        "0000000",
    ]:
        find(typed)


def test_each_group_is_limited(find):
    for n in range(8):
        make_variant(f"MUG-{n}", title=f"Mug {n}")
    assert len(find("MUG", limit=5).hits) == 5


PLANS = {
    "number": "NIX-1",
    "e-mail": "nobody@example.com",
    "phone": "07700 900001",
    "name": "Nobody Known",
    "place": "ZZ1 1ZZ Nobody",
    "tracking": "1ZNOTHING0001",
}


@pytest.mark.parametrize("typed", PLANS.values(), ids=PLANS.keys())
def test_every_statement_uses_an_index_under_row_level_security(app, find, shop, typed):
    with statements_seen(app) as seen:
        find(typed)
    statements = [(statement, parameters) for statement, parameters in seen if "SELECT" in statement]
    connection = db.session.connection()
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    assert statements
    for statement, parameters in statements:
        plan = "\n".join(row[0] for row in connection.exec_driver_sql("EXPLAIN " + statement, parameters))
        assert "Seq Scan" not in plan, plan
        assert "_key" in plan or "_idx" in plan or "_pkey" in plan
