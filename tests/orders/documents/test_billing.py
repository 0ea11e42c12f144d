"""What documents bill, part by part: rates that nobody stated are found, and several rates stay apart. Pure."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from portal.orders.documents.billing import positions_of, sums_by_rate
from portal.orders.documents.rates import Rates
from portal.orders.totals import Charge, Line, Rules, totals_of

HEAD: dict[str, Any] = {
    "currency": "EUR",
    "tax_inclusive": True,
    "country_code": "DE",
    "merchant_country": "DE",
}


def line(n: int, total: str, tax: str, rate: str = "0") -> dict[str, Any]:
    return {
        "n": n, "sku": "A", "title": "A", "quantity": 1, "cancelled_quantity": 0, "credited_quantity": 0, "unit_price": D(total),
        "line_total": D(total), "tax_amount": D(tax), "tax_rate": D(rate), "credited_amount": D(0), "credited_tax": D(0),
    }  # fmt: skip


def charge(amount: str, tax: str, **values: Any) -> dict[str, Any]:
    return {
        "n": 1, "kind": "shipping", "label": "Post", "amount": D(amount), "tax_amount": D(tax), "tax_rate": D(0),
        "tax_by_rate": None, "credited_amount": D(0), "credited_tax": D(0),
    } | values  # fmt: skip


@pytest.mark.parametrize(
    ("net", "tax", "rate"),
    [
        # 1.60 ÷ 8.39 is 19.07 %: no rate anybody charges.
        ("8.39", "1.60", "0.19"),
        ("13.37", "0.94", "0.07"),
        # Too small to tell 19 % from 25 %: the rates of the country decide.
        ("0.08", "0.02", "0.19"),
        ("100.00", "8.88", "0.0888"),
        # A shop that rounds each unit is a cent away.
        ("8.40", "1.59", "0.19"),
        ("0.00", "0.00", "0"),
    ],
)
def test_the_rate_behind_a_channels_tax_is_one_that_exists(net: str, tax: str, rate: str) -> None:
    assert Rates("EUR", tax_inclusive=True, countries=("DE",)).of(D(net), D(tax)) == D(rate)


def test_a_rate_that_the_order_states_comes_before_all_others() -> None:
    rates = Rates("EUR", tax_inclusive=True, stated=[D("0.21")], countries=("DE",))
    assert rates.of(D("0.08"), D("0.02")) == D("0.21")


def test_lines_of_a_channel_teach_each_other() -> None:
    rows = [line(1, "0.10", "0.02"), line(2, "124.00", "24.00")]
    head = HEAD | {"country_code": None, "merchant_country": None}
    taxes = [each.taxes[0].rate for each in positions_of(head, rows, [])]
    assert taxes == [D("0.24"), D("0.24")]


def test_what_was_taken_off_leaves_the_rate_as_it_was() -> None:
    row = line(1, "119.00", "19.00") | {"credited_amount": D("118.90"), "credited_tax": D("18.98")}
    (found,) = positions_of(HEAD, [row], [])
    assert (found.taxes[0].rate, found.net, found.tax) == (D("0.19"), D("0.08"), D("0.02"))


def test_shipping_beside_untaxed_goods_is_not_put_under_the_taxed_rate() -> None:
    """Half of the goods bear nothing, so half of the shipping does; an invoice must not say 10.00 at 20 % is 1.00."""
    sums = totals_of(
        [Line(1, 1, D("50"), tax_rate=D("0.20")), Line(2, 1, D("50"))],
        [Charge(1, "shipping", D("10.00"))],
        Rules("GBP", False, shipping_tax="proportional"),
    )
    (shipping,) = sums.charges
    rows = [line(1, "50", "10.00", "0.20"), line(2, "50", "0")]
    posted = charge("10.00", "1.00", tax_rate=shipping.tax_rate, tax_by_rate=shipping.kept_by_rate)
    found = positions_of(HEAD | {"currency": "GBP", "tax_inclusive": False}, rows, [posted])
    assert [(each.rate, each.net, each.tax) for each in sums_by_rate(found)] == [
        (D("0.2"), D("55.00"), D("11.00")),
        (D("0"), D("55.00"), D("0.00")),
    ]


def test_every_cent_of_the_rates_is_the_orders() -> None:
    by_rate = {"0.19": ["2.95", "0.56"], "0.07": ["1.30", "0.09"]}
    (found,) = positions_of(HEAD, [], [charge("4.90", "0.65", tax_rate=D("0.152941"), tax_by_rate=by_rate)])
    assert [(each.rate, each.net, each.tax) for each in found.taxes] == [
        (D("0.19"), D("2.95"), D("0.56")),
        (D("0.07"), D("1.30"), D("0.09")),
    ]


def test_a_charge_that_was_free_and_is_raised_later_has_its_rate() -> None:
    by_rate = {"0.19": ["0.00", "0.00"], "0.07": ["0.00", "0.00"]}
    (found,) = positions_of(HEAD, [], [charge("1.19", "0.19", tax_by_rate=by_rate)])
    assert found.taxes[0].rate == D("0.19")
