"""The client against a shop of ours that speaks WooCommerce."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from portal.channels.connectors.base import ChannelError, RemoteKey, Update
from portal.channels.connectors.woocommerce.client import WooCommerce
from portal.channels.outbound import Outbound
from tests.channels.woocommerce_server import Shop, serve


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def client(shop: Shop) -> Iterator[WooCommerce]:
    with serve(shop) as url:
        hosts = frozenset({urlsplit(url).netloc})
        yield WooCommerce(url, shop.key, shop.secret, Outbound(hosts))


def spoil(client: WooCommerce, shop: Shop, fault: str, path: str) -> WooCommerce:
    """Have the shop fail at the next call to *path*; gives a client that waits for it as long as makes sense."""
    shop.fail_next(fault, path)
    return replace(client, outbound=replace(client.outbound, answer_seconds=shop.answer_seconds))


def test_the_trial_needs_the_right_to_write(client: WooCommerce, shop: Shop) -> None:
    assert "may read and write" in client.test()
    assert shop.writes == []
    shop.may_write = False
    with pytest.raises(ChannelError, match="read and write access"):
        client.test()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", "credentials"),
        ("403", "credentials"),
        ("404", "gone"),
        ("429", "throttled"),
        ("500", "server"),
        ("503", "server"),
        ("slow", "unreachable"),
        ("broken", "server"),
        ("redirect", "address"),
    ],
)
def test_every_failed_read_says_what_it_was(client: WooCommerce, shop: Shop, fault: str, kind: str) -> None:
    spoiled = spoil(client, shop, fault, "/orders")
    with pytest.raises(ChannelError) as caught:
        spoiled.test()
    assert caught.value.kind == kind


def test_a_wait_the_shop_asks_for_is_kept(client: WooCommerce, shop: Shop) -> None:
    shop.fail_next("429", "/products")
    with pytest.raises(ChannelError) as caught:
        list(client.items())
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("fault", ["lost", "late", "slow", "cut", "broken", "502"])
def test_a_write_without_a_whole_answer_is_unknown(client: WooCommerce, shop: Shop, fault: str) -> None:
    product = shop.add_product("A")
    spoiled = spoil(client, shop, fault, "/products/batch")
    [result] = spoiled.send([Update(RemoteKey(product), 5, None)])
    assert result.error is not None and result.error.kind == "unknown"


def test_it_lists_products_and_variations_page_by_page(client: WooCommerce, shop: Shop) -> None:
    shop.largest_page = 2
    for n in range(5):
        shop.add_product(f"S{n}", stock=n, price="2.00")
    parent, variations = shop.add_variable("Shirt", ["V1", "V2", "V3"], price="9.00")
    items = {item.sku: item for item in client.items()}
    assert set(items) == {"S0", "S1", "S2", "S3", "S4", "V1", "V2", "V3"}
    assert items["V2"].key == RemoteKey(parent, variations[1])
    assert (items["S3"].stock, items["S3"].price) == (3, Decimal("2.00"))


def test_it_sends_simple_products_together_and_variations_by_product(client: WooCommerce, shop: Shop) -> None:
    simple = [shop.add_product(f"S{n}") for n in range(3)]
    parent, variations = shop.add_variable("Shirt", ["V1", "V2"])
    keys = [*map(RemoteKey, simple), *(RemoteKey(parent, v) for v in variations)]
    results = client.send([Update(key, 4, Decimal("3.5")) for key in keys])
    assert [result.error for result in results] == [None] * 5
    assert shop.shown("S1") == shop.shown("V2") == (4, "3.50")
    assert [path for method, path in shop.calls if method == "POST"] == [
        "/products/batch",
        f"/products/{parent}/variations/batch",
    ]


def test_an_item_the_shop_does_not_know_fails_alone(client: WooCommerce, shop: Shop) -> None:
    known = shop.add_product("A")
    results = {r.key: r.error for r in client.send([Update(RemoteKey(k), 1, None) for k in (known, 99_999)])}
    assert results[RemoteKey(known)] is None
    error = results[RemoteKey(99_999)]
    assert error is not None and (error.kind, error.message) == (
        "gone",
        "The shop no longer has this article.",
    )


def test_an_item_that_breaks_the_shop_does_not_take_the_others_down(client: WooCommerce, shop: Shop) -> None:
    keys = [RemoteKey(shop.add_product(f"S{n}")) for n in range(16)]
    shop.poison = {keys[11].product_id}
    results = {r.key: r.error for r in client.send([Update(key, 1, None) for key in keys])}
    assert [key for key in keys if results[key] is not None] == [keys[11]]
    assert shop.shown("S15") == (1, "")


def test_a_shop_that_is_down_is_not_asked_for_each_item(client: WooCommerce, shop: Shop) -> None:
    keys = [RemoteKey(shop.add_product(f"S{n}")) for n in range(16)]
    shop.fail_next("500", "", times=1000)
    results = client.send([Update(key, 1, None) for key in keys])
    assert all(r.error is not None and r.error.kind == "down" for r in results)
    assert len(shop.calls) == 2


def test_after_refused_keys_nothing_more_is_sent(client: WooCommerce, shop: Shop) -> None:
    products = [shop.add_variable(f"P{n}", [f"V{n}"]) for n in range(4)]
    shop.fail_next("401", "batch", times=100)
    results = client.send([Update(RemoteKey(p, v[0]), 1, None) for p, v in products])
    assert {r.error.kind for r in results if r.error} == {"credentials"} and len(results) == 4
    assert len(shop.calls) == 1


def test_it_reads_back_exactly_what_it_asks_for(client: WooCommerce, shop: Shop) -> None:
    simple = shop.add_product("A", stock=7)
    shop.add_product("B")
    parent, [variation] = shop.add_variable("Shirt", ["V1"])
    found = client.read(
        [RemoteKey(simple), RemoteKey(parent, variation), RemoteKey(99_999), RemoteKey(88_888, 5)]
    )
    assert set(found) == {RemoteKey(simple), RemoteKey(parent, variation)}
    assert found[RemoteKey(simple)].stock == 7


def test_no_order_is_missed_when_many_changed_in_one_second(client: WooCommerce, shop: Shop) -> None:
    shop.largest_page = 50
    ids = [shop.add_order([("A", 1, "1.00")]) for _ in range(120)]
    shop.tick()
    ids += [shop.add_order([("A", 1, "1.00")]) for _ in range(3)]
    rows = [row for page in client.order_pages(None) for row in page]
    assert {row["id"] for row in rows} == set(ids)


def test_an_order_that_changes_while_we_page_does_not_push_another_out(
    client: WooCommerce, shop: Shop
) -> None:
    ids = []
    for _ in range(75):
        ids.append(shop.add_order([("A", 1, "1.00")]))
        shop.tick()
    seen = set()
    for number, page in enumerate(client.order_pages(None)):
        seen |= {row["id"] for row in page}
        if number == 0:
            shop.change_order(ids[0], status="completed")
    assert seen == set(ids)


def test_orders_since_include_those_of_the_very_second(client: WooCommerce, shop: Shop) -> None:
    at = shop.now
    order = shop.add_order([("A", 1, "1.00")])
    assert [row["id"] for page in client.order_pages(at) for row in page] == [order]
    assert [row for page in client.order_pages(at + dt.timedelta(seconds=1)) for row in page] == []


def test_stubs_carry_no_person(client: WooCommerce, shop: Shop) -> None:
    order = shop.add_order([("A", 1, "1.00")])
    [stub] = client.order_stubs(shop.now - dt.timedelta(days=1))
    assert (stub.external_id, stub.modified_at) == (str(order), shop.now)


def test_an_order_that_is_deleted_is_none(client: WooCommerce) -> None:
    assert client.order("12345") is None
