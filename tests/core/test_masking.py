"""What is masked tells two rows apart and reaches nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.masking import (
    mask,
    mask_address,
    mask_email,
    mask_name,
    mask_phone,
    mask_postcode,
    truncate_postcode,
)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("Anna Müller-Lang", "A••• M•••"),
        ("Élodie", "É•••"),
        ("محمد علي", "م••• ع•••"),
        ("one two three four", "o••• t••• t•••"),
        ("'O Brien", "O••• B•••"),
        ("!!", "•••"),
        ("  ", None),
        (None, None),
        ("नमस्ते", "न•••"),
    ],
)
def test_a_name_becomes_initials(name: str | None, masked: str | None) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("anna@shop.example.com", "a•••@s•••.com"),
        ("x@localhost", "x•••@l•••"),
        ("not an address", "•••"),
        ("@x.com", "•••"),
        ("a@[192.168.0.1]", "a•••@1•••"),
        ("", None),
        (None, None),
        ("a@b@c.org", "a•••@c•••.org"),
    ],
)
def test_an_email_keeps_a_letter_of_each_side(email: str | None, masked: str | None) -> None:
    assert mask_email(email) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("+49 171 2345678", "•••78"),
        ("12345", "•••"),
        ("٠١٢٣٤٥٦٧٨", "•••78"),
        ("call me", "•••"),
        (None, None),
    ],
)
def test_a_phone_keeps_two_digits_of_a_long_number(phone: str | None, masked: str | None) -> None:
    assert mask_phone(phone) == masked


@pytest.mark.parametrize(
    ("postcode", "cut"),
    [
        ("SW1A 1AA", "SW1A"),
        ("M1 1AE", "M1"),
        ("b33 8th", "B33"),
        ("10115", "101"),
        ("90210-1234", "902"),
        ("1010", "10"),
        ("K1A 0B1", "K1A"),
        ("1234 AB", "12"),
        ("75008", "750"),
        ("100-0001", "10"),
        ("ab", "AB"),
        ("", None),
        (None, None),
        ("٣٤٥٦٧", None),
        ("éabc", "ABC"),
    ],
)
def test_a_postcode_keeps_its_district(postcode: str | None, cut: str | None) -> None:
    assert truncate_postcode(postcode) == cut


@given(st.text(max_size=30))
def test_cutting_a_postcode_twice_changes_nothing(postcode: str) -> None:
    once = truncate_postcode(postcode)
    assert truncate_postcode(once) == once
    assert len(once or "") <= 4


@given(
    st.sampled_from(["name", "email", "phone", "address", "postcode", "free_text", "unknown"]),
    st.text(max_size=80),
)
def test_no_mask_shows_more_than_a_few_letters(category: str, value: str) -> None:
    masked = mask(value, category)
    assert masked is None or len(masked.replace("•", "")) <= 14
    assert (masked is None) == (not value.strip())


def test_an_address_shows_nothing_and_a_postcode_its_district() -> None:
    assert mask_address("12 High Street") == "•••"
    assert mask_postcode("SW1A 1AA") == "SW1A •••"
    assert mask_postcode("٣٤٥٦٧") == "•••"
