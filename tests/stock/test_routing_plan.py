"""The plan of places: never more than there is, everything that can be covered, the same every time, as few parcels as can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.stock.routing.planning import Case, Free, Place, Plan, Rule, Want, plan

PLACES = [
    Place(1, "Berlin", "DE", 0),
    Place(2, "Paris", "FR", 1),
    Place(3, "Lyon", "FR", 2),
    Place(4, "Rome", "IT", 3),
]
VARIANTS = (11, 12, 13)

units = st.integers(0, 6)
stocks = st.fixed_dictionaries(
    {variant: st.dictionaries(st.sampled_from([place.id for place in PLACES]), units) for variant in VARIANTS}
)
parts = st.dictionaries(st.sampled_from(VARIANTS), st.integers(1, 3), min_size=1)
baskets = st.lists(st.tuples(st.integers(1, 4), parts), min_size=1, max_size=4).map(
    lambda lines: [Want(n, f"L{n}", quantity, made_of) for n, (quantity, made_of) in enumerate(lines, 1)]
)
rules = st.lists(
    st.builds(
        Rule,
        name=st.just("rule"),
        strategy=st.sampled_from(("same_country", "fewest_parcels", "most_stock")),
        country_codes=st.sampled_from([frozenset(), frozenset({"FR"})]),
    )
    | st.builds(
        Rule,
        name=st.just("place"),
        strategy=st.sampled_from(("prefer_location", "exclude_location")),
        location_id=st.sampled_from([place.id for place in PLACES]),
    ),
    max_size=4,
)
cases = st.builds(Case, country_code=st.sampled_from(["DE", "FR", None]))


@settings(max_examples=400)
@given(baskets, stocks, rules, cases)
def test_it_never_takes_more_than_there_is_nor_from_a_place_left_out(
    wants: list[Want], free: Free, rules: list[Rule], case: Case
) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    found = plan(wants, free, PLACES, rules, case)
    for pick in found.picks:
        taken[pick.variant_id, pick.location_id] += pick.units
    assert all(count <= free[variant].get(place, 0) for (variant, place), count in taken.items())
    left_out = {
        rule.location_id
        for rule in rules
        if rule.strategy == "exclude_location" and rule.mismatch(case) is None
    }
    assert not left_out & {place for _, place in taken}


@settings(max_examples=400)
@given(baskets, stocks, rules, cases)
def test_every_line_is_whole_or_said_to_be_missing(
    wants: list[Want], free: Free, rules: list[Rule], case: Case
) -> None:
    found = plan(wants, free, PLACES, rules, case)
    for want in wants:
        sets = want.quantity - found.missing.get(want.line_n, 0)
        got: Counter[int] = Counter()
        for pick in found.picks:
            if pick.line_n == want.line_n:
                got[pick.variant_id] += pick.units
        assert got == Counter({variant: per * sets for variant, per in want.parts.items() if sets})


@settings(max_examples=400)
@given(baskets, stocks, cases)
def test_it_covers_whatever_can_be_covered(wants: list[Want], free: Free, case: Case) -> None:
    needs: Counter[int] = Counter()
    for want in wants:
        for variant, per in want.parts.items():
            needs[variant] += per * want.quantity
    can_be = all(sum(free[variant].values()) >= count for variant, count in needs.items())
    assert plan(wants, free, PLACES, [], case).is_whole == can_be


@settings(max_examples=300)
@given(baskets, stocks)
def test_no_smaller_set_of_places_has_it_all(wants: list[Want], free: Free) -> None:
    found = plan(wants, free, PLACES, [], Case())
    needs: Counter[int] = Counter()
    for pick in found.picks:
        needs[pick.variant_id] += pick.units
    used = len({pick.location_id for pick in found.picks})
    for fewer in combinations(PLACES, max(used - 1, 0)):
        ids = {place.id for place in fewer}
        has = {
            variant: sum(count for place, count in free[variant].items() if place in ids) for variant in needs
        }
        assert not needs or any(has[variant] < count for variant, count in needs.items())


@settings(max_examples=100)
@given(baskets, stocks, rules, cases, st.randoms())
def test_the_order_in_which_places_are_read_changes_nothing(
    wants: list[Want], free: Free, rules: list[Rule], case: Case, random: Any
) -> None:
    shuffled = list(PLACES)
    random.shuffle(shuffled)
    assert plan(wants, free, PLACES, rules, case).picks == plan(wants, free, shuffled, rules, case).picks


def _from(found: Plan) -> dict[int, int]:
    summed: Counter[int] = Counter()
    for pick in found.picks:
        summed[pick.location_id] += pick.units
    return dict(summed)


PREFER_BERLIN = Rule("Berlin first", "prefer_location", 1)


@pytest.mark.parametrize(
    ("rules", "country", "ships"),
    [
        ([], None, {2: 3}),
        ([PREFER_BERLIN], None, {2: 3}),
        ([PREFER_BERLIN, Rule("Parcels", "fewest_parcels")], None, {1: 2, 2: 1}),
        ([Rule("Not Paris", "exclude_location", 2)], None, {1: 2, 3: 1}),
        ([Rule("At home", "same_country")], "FR", {2: 3}),
        ([Rule("Berlin for Italy", "prefer_location", 1, frozenset({"IT"}))], "DE", {2: 3}),
    ],
)
def test_rules_count_in_their_order(
    rules: Sequence[Rule], country: str | None, ships: dict[int, int]
) -> None:
    free = {11: {1: 2, 2: 5, 3: 1}}
    assert _from(plan([Want(1, "A", 3, {11: 1})], free, PLACES, rules, Case(country))) == ships


def test_the_most_stock_decides_among_places_that_have_it_all() -> None:
    assert _from(plan([Want(1, "A", 1, {11: 1})], {11: {1: 3, 2: 9, 3: 4}}, PLACES, [], Case())) == {2: 1}


def test_a_rule_says_why_it_did_not_count() -> None:
    rules = [
        Rule("Dear orders", "prefer_location", 1, least_total=Decimal(100)),
        Rule("Closed", "prefer_location", 9),
        Rule("Gifts", "most_stock", tag="gift"),
        Rule("At home", "same_country"),
    ]
    found = plan([Want(1, "A", 1, {11: 1})], {11: {1: 1}}, PLACES, rules, Case(total=Decimal("99.50")))
    assert [verdict.words for verdict in found.verdicts] == [
        "its total is below 100",
        "its location is not in use",
        "it is not tagged gift",
        "the country is not known",
    ]


def test_two_lines_of_bundles_share_a_component() -> None:
    wants = [Want(1, "SET", 2, {11: 2, 12: 1}), Want(2, "PLAIN", 3, {11: 1})]
    found = plan(wants, {11: {1: 5}, 12: {1: 9}}, PLACES, [], Case())
    assert dict(found.missing) == {2: 2}
    assert _from(found) == {1: 7}
