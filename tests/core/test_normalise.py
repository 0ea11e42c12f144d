"""Keys for look-up: one form whatever was typed, and safe to store."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import normalise
from portal.core.normalise import (
    KEY_LENGTH,
    code_key,
    email_key,
    full_name_keys,
    name_key,
    next_key,
    phone_digits,
    phone_key,
    phone_tail_key,
    postcode_key,
    tracking_key,
)

KEYS = [email_key, phone_key, name_key, postcode_key, code_key, tracking_key]

# A handful of each kind of string that breaks input fields, for checkouts without the full collection.
NAUGHTY = [
    "",
    " ",
    "\x00",
    "\x00a\x00",
    "\ud800",
    "a\udfffb",
    "\u202etest\u202c",
    "ﷺ" * 300,
    "Ω≈ç√∫˜µ≤≥÷",
    "田中さんにあげて下さい",
    "👩‍👩‍👧‍👦",
    "<script>alert(1)</script>",
    "1;DROP TABLE users",
    "%d%s%n",
    "１２３",
    "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤",
    "NULL",
    "-1E+02",
    "ＮＵＬ",
    "İıſß",
    "x" * 10_000,
]


def collection() -> list[str]:
    for folder in Path(__file__).resolve().parents:
        found = folder / "shared" / "data" / "naughty-strings" / "blns.json"
        if found.exists():
            return [*NAUGHTY, *json.loads(found.read_text())]
    return NAUGHTY


@pytest.mark.parametrize("make_key", KEYS)
def test_a_key_is_storable_whatever_was_typed(make_key):
    for text in collection():
        key = make_key(text)
        if key is not None:
            assert key == key.strip() and 0 < len(key) <= KEY_LENGTH
            assert "\x00" not in key
            key.encode("utf-8")


@pytest.mark.parametrize("make_key", [email_key, name_key, postcode_key, code_key, tracking_key])
@given(text=st.text(max_size=60))
def test_a_key_of_a_key_is_itself(make_key, text):
    key = make_key(text)
    assert key is None or make_key(key) == key


@given(prefix=st.text(min_size=1, max_size=8), rest=st.text(max_size=5))
def test_every_text_with_a_prefix_lies_between_it_and_the_next_key(prefix, rest):
    try:
        end = next_key(prefix)
    except ValueError:
        return
    assert prefix <= prefix + rest < end


def test_an_empty_text_has_no_key():
    assert [make_key(text) for make_key in KEYS for text in (None, "", "  \t\n")] == [None] * (3 * len(KEYS))


@pytest.mark.parametrize(
    "typed",
    [
        "+44 7700 900123",
        "07700 900123",
        "0044 7700 900123",
        "(07700) 900-123",
        "+44 (0)7700 900123",
        "０７７００ ９００１２３",
    ],
)
def test_a_phone_number_has_one_key_in_every_form(typed):
    assert phone_key(typed, "GB") == "447700900123"


def test_a_phone_number_without_a_country_keeps_its_digits():
    assert phone_key("07700 900123") == "7700900123"
    assert phone_key("not a number") is None
    assert phone_key("1234567", "ZZ") == "1234567"


def test_the_end_of_a_phone_number_is_a_prefix_of_its_tail_key():
    tail = phone_tail_key(phone_key("+44 7700 900123"))
    assert tail is not None
    for typed in ("900 123", "07700900123", "7700-900123"):
        assert tail.startswith(phone_digits(typed)[::-1])


@pytest.mark.parametrize(
    ("surname", "given_name", "key"),
    [
        ("Müller", "Anna", "muller anna"),
        ("MÜLLER", "anna", "muller anna"),
        ("O’Brien", None, "o'brien"),
        ("Østergård", "", "ostergard"),
        ("Straße", "", "strasse"),
        ("Łukasiewicz", "Jan", "lukasiewicz jan"),
        ("Smith  -\tJones", "", "smith - jones"),
        ("李", "小龙", "李 小龙"),
        ("محمد", "علي", "محمد علي"),
    ],
)
def test_a_name_is_found_without_its_accents_and_case(surname, given_name, key):
    assert name_key(surname, given_name) == key


def test_a_name_in_one_field_is_tried_both_ways_round():
    assert full_name_keys("Anna Maria Müller") == ["anna maria muller", "muller anna maria"]
    assert full_name_keys("Müller, Anna")[0] == "muller anna"
    assert full_name_keys("Smith") == ["smith"]
    assert full_name_keys(" , ") == []


def test_codes_keep_their_punctuation_and_tracking_numbers_do_not():
    assert code_key(" ab–12 x ") == "AB-12X"
    assert tracking_key("1Z 999-AA1 01") == "1Z999AA101"
    assert postcode_key("sw1a 1aa") == postcode_key("SW1A-1AA") == "SW1A1AA"
    assert email_key(" Anna@Example.COM\u200b") == "anna@example.com"


def test_the_last_code_point_has_no_next_key():
    assert next_key("a\U0010ffff") == "b"
    assert next_key("\ud7ff") == "\ue000"
    with pytest.raises(ValueError, match="no text comes after"):
        next_key("\U0010ffff")


def test_the_examples_of_the_module_hold():
    for line in (normalise.__doc__ or "").splitlines():
        call, arrow, rest = line.partition(" -> ")
        if arrow:
            assert eval(call, vars(normalise)) == eval(rest.split("  ")[0].strip())
