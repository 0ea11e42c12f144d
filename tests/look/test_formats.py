from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from babel.numbers import format_currency, format_decimal

from portal.core import formats
from portal.core.formats import Region, in_region

LOCALES = ["en_GB", "en_US", "de", "fr", "es", "pl", "sv", "de_CH", "hi_IN", "ja", "ar", "he"]
AMOUNTS = [
    Decimal(text)
    for text in ("0", "0.005", "-0.01", "999.99", "1000", "1234.565", "-1234567.891", "98765432109.5")
]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("currency", ["GBP", "EUR", "JPY", "KWD", "USD"])
def test_it_writes_money_as_babel_does_but_for_the_minus(locale: str, currency: str) -> None:
    with in_region(Region(locale)):
        assert [formats.money(amount, currency) for amount in AMOUNTS] == [
            signed(amount, format_currency(amount, currency, locale=locale)) for amount in AMOUNTS
        ]


@pytest.mark.parametrize("locale", LOCALES)
def test_it_writes_numbers_as_babel_does_but_for_the_minus(locale: str) -> None:
    with in_region(Region(locale)):
        assert [formats.number(amount, 2) for amount in AMOUNTS] == [
            signed(amount, format_decimal(amount, "#,##0.00", locale=locale)) for amount in AMOUNTS
        ]


def signed(amount: Decimal, text: str) -> str:
    assert text.count("-") <= (amount < 0), "no other hyphen that could be taken for a sign"
    return text.replace("-", "−")


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_below_zero_has_one_sign_everywhere(locale: str) -> None:
    below, exact = Decimal("-1234.5"), Decimal("-0.0125")
    with in_region(Region(locale)):
        written = [
            formats.money(below, "EUR"), formats.price(below, "EUR"), formats.price(exact, "EUR"), formats.number(-3), formats.exact(exact),
            formats.number(below), formats.percent(exact), formats.compact(-2_000_000), formats.compact(-3), str(formats.change(-3)),
        ]  # fmt: skip
    assert [(text.count("−"), text.count("-")) for text in written] == [(1, 0)] * len(written)


def test_a_unit_price_has_the_decimals_it_needs() -> None:
    prices = [formats.price(Decimal(text), "GBP") for text in ("1.5", "0.012500", "1200", "-0.333")]
    assert prices == ["£1.50", "£0.0125", "£1,200.00", "−£0.333"]


def test_it_says_the_zone_of_a_time_in_summer_and_in_winter() -> None:
    with in_region(Region("en_GB", "Europe/London")):
        assert (
            formats.when_full(dt.datetime(2026, 7, 3, 14, 5, 33, tzinfo=dt.UTC))
            == "Friday, 3 July 2026, 15:05:33 BST"
        )
        assert (
            formats.when_full(dt.datetime(2026, 12, 3, 14, 5, 33, tzinfo=dt.UTC))
            == "Thursday, 3 December 2026, 14:05:33 GMT"
        )


def test_it_shortens_a_time_by_how_long_ago_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "utc_now", lambda: dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC))
    with in_region(Region("en_GB", "Europe/Berlin")):
        assert formats.when(dt.datetime(2026, 11, 20, 23, 5, tzinfo=dt.UTC)) == "00:05"
        assert formats.when(dt.datetime(2026, 11, 20, 22, 5, tzinfo=dt.UTC)) == "20 Nov, 23:05"
        assert formats.when(dt.datetime(2025, 1, 2, 12, 0, tzinfo=dt.UTC)) == "2 Jan 2025"


def test_it_caps_a_count_and_says_durations_and_sizes_as_people_do() -> None:
    assert [formats.capped(count) for count in (3, 10_000, 10_001)] == ["3", "10,000", "10,000+"]
    assert [formats.duration(seconds) for seconds in (0, 0.4, 59, 60, 200, 7260)] == [
        "0 s",
        "less than 1 s",
        "59 s",
        "1 min",
        "3 min 20 s",
        "2 h 1 min",
    ]
    assert [formats.filesize(size) for size in (1, 1400, 2_500_000)] == ["1 bytes", "1.4 kB", "2.5 MB"]
    assert formats.percent(Decimal("-0.0825")) == "−8.2%"
    assert [formats.change(units) for units in (1200, -3, 0, None)] == ["+1,200", "−3", None, None]


def test_it_shows_a_dash_for_what_is_not_known() -> None:
    assert {formats.money(None, "GBP"), formats.number(None), formats.when(None), formats.day(None)} == {"–"}
