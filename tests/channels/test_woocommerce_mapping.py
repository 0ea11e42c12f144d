"""Documents of WooCommerce in our words."""

from __future__ import annotations

import contextlib
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.channels.connectors.base import MappingError, RemoteKey, Update
from portal.channels.connectors.woocommerce import mapping
from tests.channels.documents import published_order


def test_it_reads_the_published_example() -> None:
    order = mapping.order(published_order())
    assert (order.external_id, order.number, order.status, order.currency) == ("727", "727", "paid", "USD")
    assert order.modified_at == dt.datetime(2017, 3, 22, 19, 28, 8, tzinfo=dt.UTC)
    assert [(line.sku, line.quantity, line.total) for line in order.lines] == [
        ("", 2, Decimal("6.00")),
        ("Bar3", 1, Decimal("12.00")),
    ]
    assert order.lines[1].key == RemoteKey(22, 23)
    assert order.lines[1].title == "Ship Your Idea – Color: Black, Size: M Test"
    assert [(charge.kind, charge.amount) for charge in order.charges] == [("shipping", Decimal("10.00"))]
    assert (order.total, order.tax_total, order.rounding) == (Decimal("29.35"), Decimal("1.35"), Decimal(0))
    assert (order.buyer.name, order.buyer.email, order.buyer.country_code) == (
        "John Doe",
        "john.doe@example.com",
        "US",
    )
    assert order.is_paid


def test_prices_with_tax_are_shown_with_tax() -> None:
    order = mapping.order(published_order(prices_include_tax=True))
    assert order.lines[0].unit_price == Decimal("3.225")
    assert order.lines[0].total == Decimal("6.45")
    assert (order.total, order.rounding) == (Decimal("29.35"), Decimal(0))


def test_a_coupon_is_a_discount_on_the_line() -> None:
    document = published_order(total="28.35")
    document["line_items"][1] |= {"total": "11.00"}
    line = mapping.order(document).lines[1]
    assert (line.unit_price, line.discount, line.total) == (
        Decimal("12.000000"),
        Decimal("1.00"),
        Decimal("11.00"),
    )


def test_what_does_not_add_up_is_named() -> None:
    assert mapping.order(published_order(total="29.37")).rounding == Decimal("0.02")


def test_refunds_are_positive_amounts() -> None:
    order = mapping.order(published_order(refunds=[{"id": 9, "reason": "", "total": "-10.00"}]))
    assert [(refund.external_id, refund.amount) for refund in order.refunds] == [("9", Decimal("10.00"))]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", "unpaid"),
        ("on-hold", "waiting"),
        ("processing", "paid"),
        ("completed", "done"),
        ("cancelled", "cancelled"),
        ("trash", "cancelled"),
        ("refunded", "refunded"),
        ("failed", "failed"),
        ("checkout-draft", "draft"),
        ("awaiting-pickup", "waiting"),
    ],
)
def test_every_status_has_a_meaning(status: str, expected: str) -> None:
    assert mapping.order(published_order(status=status)).status == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "727"},
        {"currency": "???"},
        {"date_modified_gmt": "yesterday"},
        {"date_created_gmt": None},
        {"line_items": "none"},
        {"line_items": [{"quantity": 0}]},
        {"line_items": [{"quantity": "two"}]},
        {"line_items": [{"quantity": 1, "total": "NaN"}]},
        {"total": "1e99"},
        {"refunds": [1]},
    ],
)
def test_it_says_what_it_cannot_read(changes: dict[str, Any]) -> None:
    with pytest.raises(MappingError):
        mapping.order(published_order(**changes))


def test_the_error_quotes_no_content() -> None:
    with pytest.raises(MappingError) as caught:
        mapping.order(published_order(total="joan@example.com"))
    assert "joan" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    ),
    st.sampled_from(sorted(published_order())),
)
def test_no_document_is_read_into_a_crash(value: Any, field: str) -> None:
    with contextlib.suppress(MappingError):
        mapping.order(published_order(**{field: value}))


def test_the_digest_tells_states_and_amounts_apart_and_leaves_the_person_out() -> None:
    known = mapping.digest(published_order())
    assert mapping.digest(published_order(status="cancelled")) != known
    assert mapping.digest(published_order(billing={"email": "other@example.com"})) == known


def test_a_variation_is_named_by_its_product_and_options() -> None:
    item = mapping.item(
        {
            "id": 7,
            "sku": "T-RED",
            "manage_stock": True,
            "stock_quantity": 3,
            "regular_price": "9.00",
            "attributes": [{"option": "Red"}],
        },
        parent={"id": 5, "name": "T-shirt"},
    )
    assert (item.key, item.name, item.stock, item.price) == (
        RemoteKey(5, 7),
        "T-shirt – Red",
        3,
        Decimal("9.00"),
    )


def test_stock_the_shop_does_not_count_is_unknown() -> None:
    assert mapping.item({"id": 7, "manage_stock": False, "stock_quantity": 3}).stock is None


@pytest.mark.parametrize(
    ("price", "text"), [("9", "9.00"), ("9.5", "9.50"), ("0.125000", "0.125"), ("1200", "1200.00")]
)
def test_a_price_is_written_plainly(price: str, text: str) -> None:
    assert mapping.update(Update(RemoteKey(5), None, Decimal(price))) == {"id": 5, "regular_price": text}


def test_stock_goes_out_counted() -> None:
    assert mapping.update(Update(RemoteKey(5, 7), 0, None)) == {
        "id": 7,
        "manage_stock": True,
        "stock_quantity": 0,
    }
