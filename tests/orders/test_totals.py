"""Totals: every sum equals its parts to the minor unit, whatever the prices, rates, discounts and currency."""

from __future__ import annotations

from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core.money import minor_units
from portal.orders.totals import (
    Charge,
    Discount,
    Line,
    Rules,
    Totals,
    part_of_units,
    rounded,
    share_out,
    totals_of,
)

CURRENCIES = st.sampled_from(["EUR", "GBP", "JPY", "KWD", "USD"])
RATES = st.sampled_from(
    [D("0"), D("0.055"), D("0.07"), D("0.0725"), D("0.19"), D("0.20"), D("0.21"), D("0.255")]
)
PRICES = st.decimals(min_value=0, max_value=5000, places=6)


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[Line], list[Charge], Rules]:
    currency = draw(CURRENCIES)
    places = minor_units(currency)
    amounts = st.decimals(min_value=0, max_value=500, places=places)
    lines = [
        Line(
            n,
            draw(st.integers(1, 40)),
            draw(PRICES),
            tax_rate=draw(RATES),
            included_rate=draw(st.none() | RATES),
        )
        for n in range(1, draw(st.integers(1, 8)) + 1)
    ]
    charges = [
        Charge(n, kind, draw(amounts), tax_rate=draw(RATES))
        for n, kind in enumerate(draw(st.lists(st.sampled_from(["shipping", "fee", "gift"]), max_size=3)), 1)
    ]
    discounts = draw(
        st.lists(
            st.builds(
                Discount,
                st.just("CODE"),
                percent=st.decimals(min_value=0, max_value=100, places=2),
                on=st.sampled_from(["goods", "shipping"]),
            )
            | st.builds(
                Discount,
                st.just("CODE"),
                amount=amounts,
                lines=st.none() | st.frozensets(st.integers(1, 8)),
            ),
            max_size=3,
        )
    )
    rules = Rules(
        currency,
        tax_inclusive=draw(st.booleans()),
        rounding=draw(st.sampled_from(["line", "total"])),
        shipping_tax=draw(st.sampled_from(["own", "proportional"])),
        discounts=tuple(discounts),
    )
    return lines, charges, rules


@given(orders())
@settings(max_examples=150)
def test_every_sum_equals_its_parts(order: tuple[list[Line], list[Charge], Rules]) -> None:
    lines, charges, rules = order
    totals = totals_of(lines, charges, rules)
    tax_on_top = D(0) if rules.tax_inclusive else totals.tax_total
    assert totals.items_total == sum(line.line_total for line in totals.lines)
    assert totals.charges_total == sum((charge.amount for charge in totals.charges), D(0))
    assert totals.total == totals.items_total + totals.charges_total - totals.discount_total + tax_on_top
    parts = (*totals.lines, *totals.charges)
    assert totals.tax_total == sum((part.tax_amount for part in parts), D(0))
    assert totals.tax_total == sum((rate.tax for rate in totals.rates), D(0))
    assert totals.total == sum((rate.gross for rate in totals.rates), D(0))
    assert totals.total == totals.net_total + totals.tax_total
    assert all(part.net + part.tax_amount == part.gross for part in parts)
    assert all(charge.tax_amount == sum(charge.tax_by_rate.values()) for charge in totals.charges)


@given(orders())
@settings(max_examples=150)
def test_every_amount_can_be_charged_and_none_turns_negative(
    order: tuple[list[Line], list[Charge], Rules],
) -> None:
    lines, charges, rules = order
    totals = totals_of(lines, charges, rules)
    for part in (*totals.lines, *totals.charges):
        for amount in (part.tax_amount, part.net, part.gross):
            assert amount == rounded(amount, rules.currency)
            assert amount >= 0


@given(orders())
@settings(max_examples=150)
def test_discounts_are_shared_out_whole_and_never_exceed_what_they_are_for(
    order: tuple[list[Line], list[Charge], Rules],
) -> None:
    lines, charges, rules = order
    totals = totals_of(lines, charges, rules)
    for discount in totals.discounts:
        assert discount.amount == sum(discount.shares.values(), D(0))
    off_goods = sum((each.amount for each in totals.discounts if each.on == "goods"), D(0))
    before = totals_of(lines, charges, Rules(**{**as_fields(rules), "discounts": ()}))
    assert before.items_total - totals.items_total == off_goods
    off_shipping = sum((each.amount for each in totals.discounts if each.on == "shipping"), D(0))
    assert before.charges_total - totals.charges_total == off_shipping


@given(orders())
@settings(max_examples=150)
def test_tax_is_within_a_minor_unit_of_the_exact_tax(order: tuple[list[Line], list[Charge], Rules]) -> None:
    lines, charges, rules = order
    totals = totals_of(lines, charges, rules)
    unit = Fraction(1, 10 ** minor_units(rules.currency))
    for line in totals.lines:
        rate = Fraction(line.tax_rate)
        exact = Fraction(line.line_total) * (rate / (1 + rate) if rules.tax_inclusive else rate)
        assert abs(Fraction(line.tax_amount) - exact) < unit
    if rules.rounding == "total":
        for rate_totals in totals.rates:
            assert is_rounded_once(totals, rate_totals.tax_rate, rules)


def is_rounded_once(totals: Totals, tax_rate: D, rules: Rules) -> bool:
    found = next(each for each in totals.rates if each.tax_rate == tax_rate)
    amount = Fraction(found.gross if rules.tax_inclusive else found.net)
    rate = Fraction(tax_rate)
    exact = amount * (rate / (1 + rate) if rules.tax_inclusive else rate)
    return rounded(exact, rules.currency) == found.tax


def as_fields(rules: Rules) -> dict[str, object]:
    return {name: getattr(rules, name) for name in ("currency", "tax_inclusive", "rounding", "shipping_tax")}


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**7), min_size=1, max_size=20))
def test_shares_sum_to_the_whole_and_stay_within_a_unit(whole: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        weights[0] = 1
    parts = share_out(whole, weights)
    assert sum(parts) == whole
    for part, weight in zip(parts, weights, strict=True):
        assert abs(Fraction(whole * weight, sum(weights)) - part) < 1
        assert whole > sum(weights) or part <= weight


@given(st.decimals(0, 5000, places=2), st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_a_line_taken_apart_sums_to_the_line(amount: D, takes: list[int]) -> None:
    before, parts = 0, []
    for units in takes:
        parts.append(part_of_units(amount, units=units, of=sum(takes), before=before, currency="EUR"))
        before += units
    assert sum(parts) == amount


def test_rounding_per_line_and_per_total_differ_where_they_should() -> None:
    lines = [Line(n, 1, D("0.99"), tax_rate=D("0.07")) for n in (1, 2, 3)]
    per_line = totals_of(lines, [], Rules("EUR", tax_inclusive=False, rounding="line"))
    per_total = totals_of(lines, [], Rules("EUR", tax_inclusive=False, rounding="total"))
    assert per_line.tax_total == D("0.21")
    assert per_total.tax_total == D("0.21")
    lines = [Line(n, 1, D("0.05"), tax_rate=D("0.10")) for n in (1, 2, 3)]
    assert totals_of(lines, [], Rules("EUR", tax_inclusive=False, rounding="line")).tax_total == D("0.03")
    per_total = totals_of(lines, [], Rules("EUR", tax_inclusive=False, rounding="total"))
    assert per_total.tax_total == D("0.02")
    assert [line.tax_amount for line in per_total.lines] == [D("0.01"), D("0.01"), D("0")]


def test_reverse_charge_takes_the_tax_out_of_an_inclusive_price() -> None:
    line = Line(1, 2, D("121.00"), tax_rate=D(0), included_rate=D("0.21"))
    totals = totals_of([line], [], Rules("EUR"))
    assert (totals.lines[0].unit_price, totals.total, totals.tax_total) == (D("100"), D("200"), D("0"))


def test_free_shipping_takes_the_charge_and_its_tax() -> None:
    lines = [Line(1, 1, D("20.00"), tax_rate=D("0.20"))]
    shipping = [Charge(1, "shipping", D("4.80"), tax_rate=D("0.20"))]
    free = Rules("GBP", discounts=[Discount("FREE", percent=D(100), on="shipping")])
    totals = totals_of(lines, shipping, free)
    assert (totals.total, totals.charges_total, totals.charges[0].discount) == (D("20.00"), D("0"), D("4.80"))
    assert totals.charges[0].tax_amount == 0


def test_shipping_follows_the_goods_in_proportion() -> None:
    lines = [
        Line(1, 1, D("30.00"), tax_rate=D("0.19")),
        Line(2, 1, D("10.00"), tax_rate=D("0.07")),
    ]
    rules = Rules("EUR", tax_inclusive=False, shipping_tax="proportional")
    totals = totals_of(lines, [Charge(1, "shipping", D("8.00"))], rules)
    assert totals.charges[0].tax_by_rate == {D("0.19"): D("1.14"), D("0.07"): D("0.14")}
    assert totals.total == D("48.00") + D("5.70") + D("0.70") + D("1.28")


def test_a_voucher_over_three_equal_lines_is_exact_to_the_cent() -> None:
    lines = [Line(n, 1, D("10.00")) for n in (1, 2, 3)]
    totals = totals_of(lines, [], Rules("EUR", discounts=[Discount("TEN", amount=D("10.00"))]))
    assert [line.discount for line in totals.lines] == [D("3.34"), D("3.33"), D("3.33")]
    assert totals.total == D("20.00")


def test_an_amount_above_the_goods_makes_them_free_and_no_cheaper() -> None:
    totals = totals_of(
        [Line(1, 1, D("7.00"))], [], Rules("EUR", discounts=[Discount("BIG", amount=D("50.00"))])
    )
    assert (totals.total, totals.discounts[0].amount) == (D("0"), D("7.00"))


def test_the_tax_a_channel_computed_is_kept() -> None:
    line = Line(1, 3, D("3.33"), tax_rate=D("0.20"), tax_amount=D("1.99"))
    totals = totals_of([line], [Charge(1, "shipping", D("5"), tax_amount=D("0.83"))], Rules("GBP", False))
    assert (totals.tax_total, totals.total) == (D("2.82"), D("17.81"))


def test_a_credited_quantity_counts_against_the_order() -> None:
    lines = [Line(1, 2, D("10.00"), tax_rate=D("0.20")), Line(2, -1, D("10.00"), tax_rate=D("0.20"))]
    totals = totals_of(lines, [], Rules("GBP", tax_inclusive=False, rounding="total"))
    assert (totals.total, totals.tax_total) == (D("12.00"), D("2.00"))


@pytest.mark.parametrize(
    "discount", [Discount("X"), Discount("X", percent=D(1), amount=D(1)), Discount("X", amount=D(-1))]
)
def test_a_discount_that_says_nothing_sure_is_refused(discount: Discount) -> None:
    with pytest.raises(ValueError, match="discount"):
        totals_of([Line(1, 1, D("1.00"))], [], Rules("EUR", discounts=[discount]))


def test_two_lines_of_one_number_are_refused() -> None:
    with pytest.raises(ValueError, match="numbered"):
        totals_of([Line(1, 1, D("1.00")), Line(1, 1, D("1.00"))], [], Rules("EUR"))
