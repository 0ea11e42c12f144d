"""Orders taxed end to end: the place, the day and the buyer that count, worked out by hand, and goods added later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal as D
from typing import Any

import pytest
import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.catalog.models import Price
from portal.core.database import db
from portal.orders.book import lock_order
from portal.orders.changes.order_now import read_order
from portal.orders.changes.pricing import wish_for
from portal.orders.models import ExchangeRate, OrderContact, SalesChannel, TaxRate, TaxSettings
from portal.orders.new_order import NewCharge, NewContact, NewDiscount, NewLine, NewOrder
from portal.orders.placement import place_order
from portal.orders.pricing import Priced, price
from portal.orders.tax.regions import region_code
from tests.support.people import SYSTEM
from tests.support.shop import Shop, open_shop

Sold = Callable[..., NewOrder]
BERLIN = NewContact("shipping", name="Erika Mustermann", city="Berlin", country_code="DE")
ROME = NewContact("shipping", name="Ada Rossi", city="Roma", country_code="IT")
BASEL = NewContact("buyer", name="Urs Keller", city="Basel", country_code="CH")


@pytest.fixture
def shop(scope: int) -> Shop:
    """A German shop with both German rates."""
    own = open_shop({"MUG": 10})
    db.session.get_one(Merchant, scope).country = "DE"
    keep("DE", "standard", "0.19")
    keep("DE", "reduced", "0.07")
    db.session.commit()
    return own


@pytest.fixture
def sold(shop: Shop) -> Sold:
    def make(*lines: tuple[str, int, str], **values: Any) -> NewOrder:
        found = [
            NewLine(
                sku, sku, units, D(amount), is_stocked=False, tax_class="reduced" if sku == "BOOK" else None
            )
            for sku, units, amount in lines
        ]
        return NewOrder(
            values.pop("channel_id", shop.channel_id),
            values.pop("currency", "GBP"),
            found,
            by_rules=True,
            **values,
        )

    return make


def keep(country: str, tax_class: str, rate: str, **values: Any) -> None:
    days: Mapping[str, Any] = {"valid_from": dt.date(2020, 1, 1)} | values
    db.session.add(TaxRate(country_code=country, tax_class=tax_class, name=country, rate=D(rate), **days))
    db.session.flush()


def taxes(priced: Priced) -> Sequence[D]:
    return [each.tax_amount for each in (*priced.totals.lines, *priced.totals.charges)]


def test_mixed_rates_with_a_voucher_and_shipping_come_out_as_by_hand(sold: Sold) -> None:
    """39.98 + 14.85 + 0.99 less a tenth is 50.24; each tax is its gross × rate ÷ (1 + rate)."""
    new = sold(
        ("MUG", 2, "19.99"), ("BOOK", 3, "4.95"), ("BOOK", 1, "0.99"), contacts=(BERLIN,),
        charges=[NewCharge("shipping", "Post", D("4.90"))], discounts=[NewDiscount("staff", "Tenth", percent=D(10))],
    )  # fmt: skip
    totals = price(new).totals
    assert [line.line_total for line in totals.lines] == [D("35.98"), D("13.37"), D("0.89")]
    assert taxes(price(new)) == [D("5.74"), D("0.87"), D("0.06"), D("0.78")]
    assert (totals.total, totals.tax_total) == (D("55.14"), D("7.45"))


def test_the_same_rounded_once_for_each_rate_with_shipping_in_proportion(sold: Sold) -> None:
    """Shipping follows 35.98 and 14.26 of 50.24: 3.51 and 1.39. Of 39.49 the tax is 6.31, of 15.65 it is 1.02."""
    db.session.add(TaxSettings(rounding="total", shipping_tax="proportional"))
    db.session.flush()
    new = sold(
        ("MUG", 2, "19.99"), ("BOOK", 3, "4.95"), ("BOOK", 1, "0.99"), contacts=(BERLIN,),
        charges=[NewCharge("shipping", "Post", D("4.90"))], discounts=[NewDiscount("staff", "Tenth", percent=D(10))],
    )  # fmt: skip
    rates = [(each.tax_rate, each.tax, each.gross) for each in price(new).totals.rates]
    assert rates == [(D("0.19"), D("6.31"), D("39.49")), (D("0.07"), D("1.02"), D("15.65"))]
    assert price(new).totals.total == D("55.14")


@pytest.mark.parametrize(
    ("currency", "amount", "tax", "total"),
    [
        # 3 × 333 = 999; 999 ÷ 11 is 90.8 where 10 % are inside.
        ("JPY", "333", "91", "999"),
        # 3 × 1.333 = 3.999; 3.999 ÷ 11 is 0.3635.
        ("KWD", "1.333", "0.364", "3.999"),
    ],
)
def test_currencies_without_and_with_three_decimals(
    sold: Sold, currency: str, amount: str, tax: str, total: str
) -> None:
    keep("DE", "standard", "0.10", valid_from=dt.date(2021, 1, 1))

    db.session.add(ExchangeRate(currency=currency, rate=D("0.01"), valid_from=dt.date(2020, 1, 1)))
    db.session.flush()
    totals = price(sold(("MUG", 3, amount), contacts=(BERLIN,), currency=currency)).totals
    assert (totals.tax_total, totals.total) == (D(tax), D(total))


def test_the_day_is_the_one_it_is_at_the_merchants(sold: Sold) -> None:
    """The shop is in London: half past eleven at night in summer, by the world's clock, is tomorrow there."""
    keep("DE", "standard", "0.25", valid_from=dt.date(2030, 7, 1))
    at = [dt.datetime(2030, 6, 30, 22, 30, tzinfo=dt.UTC), dt.datetime(2030, 6, 30, 23, 30, tzinfo=dt.UTC)]
    found = [
        price(sold(("MUG", 1, "100"), placed_at=each, tax_inclusive=False)).totals.tax_total for each in at
    ]
    assert found == [D("19.00"), D("25.00")]


def test_what_a_till_hands_over_is_sold_there_wherever_the_buyer_lives(shop: Shop, sold: Sold) -> None:
    till = SalesChannel(code="till", name="Till", kind="pos")
    db.session.add(till)
    db.session.flush()
    at_home = price(sold(("MUG", 1, "119"), contacts=(BASEL,), channel_id=till.id))
    assert (at_home.decision.treatment, at_home.totals.tax_total) == ("standard", D("19.00"))
    sent = NewContact("shipping", country_code="CH")
    assert price(sold(("MUG", 1, "119"), contacts=(BASEL, sent), channel_id=till.id)).totals.tax_total == 0
    assert price(sold(("MUG", 1, "119"), contacts=(BASEL,))).decision.treatment == "export"


@pytest.mark.parametrize("region", ["CA", "us-ca", "California", " california "])
def test_a_state_is_known_by_its_code_and_its_name(scope: int, sold: Sold, region: str) -> None:
    db.session.get_one(Merchant, scope).country = "US"
    keep("US", "standard", "0.0725", region="CA")
    buyer = NewContact("shipping", country_code="US", region=region)
    found = price(sold(("MUG", 1, "100"), contacts=(buyer,), tax_inclusive=False))
    assert (found.totals.tax_total, found.warnings) == (D("7.25"), ())


def test_an_address_that_names_no_state_is_told(scope: int, sold: Sold) -> None:
    db.session.get_one(Merchant, scope).country = "US"
    keep("US", "standard", "0.0725", region="CA")
    found = price(sold(("MUG", 1, "100"), contacts=(NewContact("shipping", country_code="US"),)))
    assert found.warnings == ("The address names no state, so no tax is charged.",)
    elsewhere = NewContact("shipping", country_code="US", region="OR")
    assert price(sold(("MUG", 1, "100"), contacts=(elsewhere,))).warnings == ()


def test_regions_of_other_countries_are_left_as_they_are() -> None:
    assert [region_code("CA", "Québec"), region_code("DE", "Bayern"), region_code("US", None)] == [
        "QC",
        "BAYERN",
        "",
    ]


def test_a_business_elsewhere_in_the_union_pays_no_tax_and_its_number_is_completed(sold: Sold) -> None:
    """Italy writes its numbers with IT; a buyer there often types the digits alone."""
    buyer = NewContact("billing", company="Rossi SRL", country_code="IT", vat_id="0074 3110 157")
    placed = place_order(sold(("MUG", 1, "119"), contacts=(ROME, buyer)), by=SYSTEM)
    db.session.commit()
    now = read_order(lock_order(placed.order_id))
    assert (now.total, now.tax) == (D("100.00"), D(0))
    numbers = db.session.scalars(
        sa.select(OrderContact.vat_id).where(OrderContact.order_id == placed.order_id)
    )
    assert set(numbers) == {None, "IT00743110157"}


def test_goods_added_to_such_an_order_bear_no_tax_either(shop: Shop, sold: Sold) -> None:
    buyer = NewContact("billing", company="Rossi SRL", country_code="IT", vat_id="IT00743110157")
    placed = place_order(sold(("MUG", 1, "119"), contacts=(ROME, buyer)), by=SYSTEM)
    db.session.add(Price(variant_id=shop.variants["MUG"], currency="GBP", amount=D("11.90")))
    db.session.commit()
    wish = wish_for(read_order(lock_order(placed.order_id)), "MUG", 1, None, field="sku")
    assert (wish.unit_price, wish.tax_rate) == (D("10.000000"), D(0))
    at_home = place_order(sold(("MUG", 1, "119"), contacts=(BERLIN,)), by=SYSTEM)
    wish = wish_for(read_order(lock_order(at_home.order_id)), "MUG", 1, None, field="sku")
    assert (wish.unit_price, wish.tax_rate) == (D("11.90"), D("0.19"))
