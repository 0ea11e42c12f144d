"""Two people, one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.errors import DomainError, StaleError
from portal.core.merging import merged, pack_base, unpack_base

FIELDS = st.fixed_dictionaries(
    {name: st.sampled_from(["a", "b", "c"]) for name in ("title", "vendor", "state")}
)


def test_it_keeps_both_sides_when_they_touched_different_fields() -> None:
    base = {"title": "Mug", "vendor": "Kiln"}
    assert merged(
        {"title": "Cup", "vendor": "Kiln"}, base, {"title": "Mug", "vendor": "Oven"}, version=2
    ) == {
        "title": "Cup",
        "vendor": "Oven",
    }


def test_it_shows_both_values_when_they_touched_the_same_field() -> None:
    with pytest.raises(StaleError) as caught:
        merged({"title": "Cup"}, {"title": "Mug"}, {"title": "Beaker"}, version=7)
    assert caught.value.clashes == {"title": ("Cup", "Beaker")}
    assert caught.value.version == 7


@given(base=FIELDS, theirs=FIELDS, mine=FIELDS)
def test_no_edit_is_ever_lost(base: dict[str, str], theirs: dict[str, str], mine: dict[str, str]) -> None:
    try:
        saved = merged(theirs, base, mine, version=1)
    except StaleError as stale:
        assert all(len({base[name], theirs[name], mine[name]}) > 1 for name in stale.clashes)
        return
    for name in base:
        edits = {side[name] for side in (theirs, mine) if side[name] != base[name]}
        assert saved[name] == (edits.pop() if edits else base[name])


@given(st.dictionaries(st.text(), st.text()))
def test_what_the_form_showed_survives_the_trip(values: dict[str, str]) -> None:
    assert unpack_base(pack_base(values)) == values


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_it_refuses_a_damaged_form(text: str) -> None:
    with pytest.raises(DomainError, match="Reload the page"):
        unpack_base(text)
