"""From a row to the next one, and from a list to all it holds."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from portal.core.errors import DomainError
from portal.core.listing import frozen_keys, neighbours, selection_of
from portal.core.listing.state import decode_state, encode_state


@pytest.fixture
def encoded(parcels, read):
    return lambda query="": encode_state(parcels, read(query).state)


def test_next_and_previous_follow_the_list_it_was_opened_from(fill, parcels, encoded):
    fill(12)
    state = encoded("f=1.state.is.lost&sort=price")
    assert neighbours(parcels, 4, state) == (f"/parcels/P0001?list={state}", f"/parcels/P0007?list={state}")
    assert neighbours(parcels, 1, state)[0] is None
    assert neighbours(parcels, 10, state)[1] is None
    assert neighbours(parcels, 5, "all") == ("/parcels/P0006?list=all", "/parcels/P0004?list=all")


def test_a_row_that_no_longer_fits_still_has_neighbours(fill, parcels, encoded):
    fill(12)
    assert neighbours(parcels, 5, encoded("f=1.state.is.lost&sort=price"))[1].startswith("/parcels/P0007")


def test_without_a_list_or_with_nonsense_there_are_none(fill, parcels):
    fill(3)
    for text in (None, "", "garbage!", "é", "a" * 7000, "____"):
        assert neighbours(parcels, 2, text) == (None, None)
    assert neighbours(parcels, 99, "all") == (None, None)


def test_a_state_survives_its_coding(parcels, read):
    state = read("f=1.state.is.lost&f=2.email.starts.a%26b%3D.c&sort=price&cols=price&q=x%00y").state
    assert decode_state(parcels, encode_state(parcels, state)) == state


def test_a_selection_is_the_chosen_keys_or_all_that_match(app, fill, parcels, encoded):
    with app.test_request_context("/"):
        chosen = selection_of(parcels, MultiDict([("key", "3"), ("key", "x"), ("key", "3"), ("key", "5")]))
        assert chosen.keys == (3, 5) and chosen.state is None
        everything = selection_of(
            parcels, MultiDict([("all", "1"), ("list", encoded("f=1.state.is.lost")), ("key", "3")])
        )
        assert everything.keys == () and everything.state
        with pytest.raises(DomainError, match="Select at least one parcel"):
            selection_of(parcels, MultiDict())
        with pytest.raises(DomainError, match="could not be read"):
            selection_of(parcels, MultiDict([("all", "1"), ("list", "!!")]))


def test_the_frozen_set_is_what_matched(app, fill, parcels, encoded):
    fill(12)
    assert [key for batch in frozen_keys(parcels, encoded("f=1.state.is.lost")) for key in batch] == [
        10,
        7,
        4,
        1,
    ]


def test_a_condition_that_cannot_be_read_widens_no_selection(fill, parcels, encoded, read):
    state = encode_state(parcels, read("f=1.secret.is.yes", permissions=frozenset({"audit.view"})).state)
    with pytest.raises(DomainError, match="could not be read"):
        list(frozen_keys(parcels, state))
    assert list(frozen_keys(parcels, state, frozenset({"audit.view"}))) == []
