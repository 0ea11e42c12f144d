"""No card number gets in, and no other number is taken for one."""

from __future__ import annotations

import pytest

from portal.core.card_numbers import holds_card_number, without_card_numbers

VISA = "4242424242424242"


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        "4242 4242 4242 4242",
        "Card: 4242-4242-4242-4242, 12/30",
        "4242 4242 4242 4242 12 30",
        "4242\u00a04242\u20134242.4242",
        "4242\n4242\n4242\n4242",
        "٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢",
        "mastercard 5555555555554444",
        "2223003122003222",
        "amex 3782 822463 10005",
        "6011111111111117",
        "3056 930902 5904",
        "3566002020360505",
        "6205500000000000004",
        "call 020 7946 0958, then 4000 0566 5566 5556",
    ],
)
def test_a_card_number_is_known_however_it_is_written(text: str) -> None:
    assert holds_card_number(text)
    assert not holds_card_number(without_card_numbers(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424241",
        "4006381333931",
        "4897593486110392320",
        "+44 7700 900123",
        "GB82 WEST 1234 5698 7654 32",
        "DE89370400440532013000",
        "0123456789abcdef4242424242424242",
        "1234 5678 9012 3456",
        "2026-11-29 16:50:34",
        "4001, 4002, 4003, 4004",
        "9" * 5000,
    ],
)
def test_other_numbers_are_none(text: str) -> None:
    assert not holds_card_number(text)
    assert without_card_numbers(text) == text


def test_what_a_machine_sent_keeps_the_last_four() -> None:
    assert without_card_numbers(f"Pay with {VISA} or 378282246310005.") == (
        "Pay with [card ending 4242] or [card ending 0005]."
    )
