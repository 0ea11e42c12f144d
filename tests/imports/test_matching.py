"""Which sale a cancellation cancels."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.imports.history.matching import LedgerRow, find_matches

START = dt.datetime(2010, 12, 1, tzinfo=dt.UTC)


def ledger(*rows: tuple[str, int, str], country: str = "GB") -> list[LedgerRow]:
    """Rows of one customer and code, a day apart: invoice, quantity, price."""
    return [
        LedgerRow(
            "17850",
            "A1",
            START + dt.timedelta(days=n),
            n,
            invoice,
            quantity,
            Decimal(price),
            quantity * Decimal(price),
            max(Decimal(0), quantity * Decimal(price)),
            country,
        )
        for n, (invoice, quantity, price) in enumerate(rows)
    ]


def matched(rows: list[LedgerRow]) -> list[tuple[int, int]]:
    return [(match.row_no, match.sale_row) for match in find_matches(rows)]


def test_the_latest_sale_of_as_many_units_comes_before_a_later_one_of_more() -> None:
    assert matched(ledger(("1", 4, "1"), ("2", 9, "1"), ("C3", -4, "1"))) == [(2, 0)]


def test_else_the_latest_with_at_least_as_many() -> None:
    assert matched(ledger(("1", 5, "1"), ("2", 9, "1"), ("C3", -4, "1"))) == [(2, 1)]


def test_units_are_cancelled_once() -> None:
    assert matched(ledger(("1", 4, "1"), ("C2", -4, "1"), ("C3", -4, "1"))) == [(1, 0)]
    assert matched(ledger(("1", 4, "1"), ("C2", -1, "1"), ("C3", -3, "1"), ("C4", -1, "1"))) == [
        (1, 0),
        (2, 0),
    ]


def test_a_later_sale_is_never_cancelled_by_an_earlier_credit() -> None:
    assert matched(ledger(("C1", -4, "1"), ("2", 4, "1"))) == []


def test_no_more_is_given_back_than_was_paid() -> None:
    assert matched(ledger(("1", 4, "1.00"), ("C2", -4, "1.10"))) == []
    assert matched(ledger(("1", 4, "1.00"), ("C2", -4, "0.90"))) == [(1, 0)]


def test_another_country_is_another_sale() -> None:
    assert matched([*ledger(("1", 4, "1")), *ledger(("x", 1, "1"), ("C2", -4, "1"), country="DE")[1:]]) == []


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B", "C"]),
            st.integers(-9, 9).filter(bool),
            st.sampled_from(["0", "1.25", "2"]),
        ),
        max_size=40,
    )
)
def test_whatever_comes_no_sale_is_cancelled_beyond_its_units_or_its_money(
    rows: list[tuple[str, int, str]],
) -> None:
    lines = ledger(*((f"{invoice}{n}", quantity, price) for n, (invoice, quantity, price) in enumerate(rows)))
    units: dict[int, int] = defaultdict(int)
    money: dict[int, Decimal] = defaultdict(Decimal)
    for match in find_matches(lines):
        credit, sale = lines[match.row_no], lines[match.sale_row]
        assert sale.at < credit.at
        units[match.sale_row] -= credit.quantity
        money[match.sale_row] += match.amount
    assert all(count <= lines[row].quantity for row, count in units.items())
    assert all(amount <= lines[row].total for row, amount in money.items())
