"""Choose the places an order ships from. Pure: the same wants, units and rules always give the same plan.

A plan never takes more than is free, and covers every line that the places together can cover.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations, islice
from typing import Final

FEWEST: Final = "fewest_parcels"
MOST: Final = "most_stock"
EXCLUDE: Final = "exclude_location"
PREFER: Final = "prefer_location"
SAME_COUNTRY: Final = "same_country"

# Sets of places that are tried for the fewest parcels; beyond that the place that covers most comes first.
MOST_TRIES: Final = 4_000

Free = Mapping[int, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Place:
    """A location that may ship."""

    id: int
    name: str
    country_code: str | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Want:
    """A line: *quantity* units of it, each made of ``parts`` (variant id → units; a plain variant is its own part)."""

    line_n: int
    sku: str
    quantity: int
    parts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Case:
    """What rules may ask about an order; ``total`` is in the merchant's own currency."""

    country_code: str | None = None
    channel_id: int | None = None
    tags: frozenset[str] = frozenset()
    total: Decimal = Decimal(0)
    # Where the buyer comes to fetch it: no other place counts, and no rule leaves it out.
    only_at: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the plan needs it; an empty condition matches every order."""

    name: str
    strategy: str
    location_id: int | None = None
    country_codes: frozenset[str] = frozenset()
    channel_ids: frozenset[int] = frozenset()
    tag: str | None = None
    least_total: Decimal | None = None
    most_total: Decimal | None = None

    def mismatch(self, case: Case) -> str | None:
        """Why the rule does not count for the order, or None when it does."""
        if self.country_codes and case.country_code not in self.country_codes:
            return f"the country is {case.country_code or 'not known'}"
        if self.channel_ids and case.channel_id not in self.channel_ids:
            return "it came by another channel"
        if self.tag and self.tag not in case.tags:
            return f"it is not tagged {self.tag}"
        if self.least_total is not None and case.total < self.least_total:
            return f"its total is below {self.least_total.normalize():f}"
        if self.most_total is not None and case.total > self.most_total:
            return f"its total is above {self.most_total.normalize():f}"
        return None


@dataclass(frozen=True, slots=True)
class Pick:
    """Units of a variant that a place gives to a line."""

    line_n: int
    variant_id: int
    location_id: int
    units: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule did: whether it counted, and why or why not."""

    rule: str
    counted: bool
    words: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Who gives what. ``missing`` is units of the line that no place has, by line number."""

    picks: Sequence[Pick]
    missing: Mapping[int, int]
    verdicts: Sequence[Verdict]
    places: Sequence[Place] = field(default=())

    @property
    def is_whole(self) -> bool:
        """Whether every line is covered."""
        return not self.missing


def plan(
    wants: Sequence[Want], free: Free, places: Sequence[Place], rules: Sequence[Rule], case: Case
) -> Plan:
    """The places of an order.

    Args:
        free: units that may be taken, by variant and location; places that are not in *places* are left alone.
        rules: active rules in their order. What no rule decides: fewest parcels first, then most stock, then the
            merchant's order of locations.
    """
    counting, verdicts = _judge(rules, case, {place.id: place.name for place in places})
    excluded = {rule.location_id for rule in counting if rule.strategy == EXCLUDE}
    if case.only_at is not None:
        usable = [place for place in places if place.id == case.only_at]
        verdicts = (Verdict("Collection", True, "only the place where it is collected counts"), *verdicts)
    else:
        usable = [place for place in places if place.id not in excluded]
    sets = _coverable(wants, free, usable)
    needs: Counter[int] = Counter()
    for want in wants:
        for variant_id, units in want.parts.items():
            needs[variant_id] += units * sets[want.line_n]
    ranked = sorted(usable, key=lambda place: _rank(place, counting, case, free, needs))
    given = _give(needs, free, ranked, counting, case)
    picks = tuple(_share_out(wants, sets, given, ranked))
    used = {pick.location_id for pick in picks}
    return Plan(
        picks,
        {
            want.line_n: want.quantity - sets[want.line_n]
            for want in wants
            if sets[want.line_n] < want.quantity
        },
        verdicts,
        tuple(place for place in ranked if place.id in used),
    )


def _judge(
    rules: Sequence[Rule], case: Case, names: Mapping[int, str]
) -> tuple[list[Rule], tuple[Verdict, ...]]:
    counting, verdicts = [], []
    for rule in rules:
        why_not = rule.mismatch(case)
        if why_not is None and rule.location_id is not None and rule.location_id not in names:
            why_not = "its location is not in use"
        if why_not is None and rule.strategy == SAME_COUNTRY and case.country_code is None:
            why_not = "the country is not known"
        if why_not is None:
            counting.append(rule)
        verdicts.append(Verdict(rule.name, why_not is None, why_not or _effect(rule, case, names)))
    return counting, tuple(verdicts)


def _effect(rule: Rule, case: Case, names: Mapping[int, str]) -> str:
    place = names.get(rule.location_id or 0, "")
    return {
        PREFER: f"{place} comes first",
        EXCLUDE: f"{place} is left out",
        SAME_COUNTRY: f"places in {case.country_code} come first",
        FEWEST: "as few parcels as can be",
        MOST: "the place with the most of it comes first",
    }[rule.strategy]


def _coverable(wants: Sequence[Want], free: Free, usable: Sequence[Place]) -> dict[int, int]:
    """Units of each line that can be had, the first lines served first."""
    left = {
        variant_id: sum(max(there.get(place.id, 0), 0) for place in usable)
        for variant_id, there in free.items()
    }
    sets = {}
    for want in wants:
        most = min((left.get(variant_id, 0) // units for variant_id, units in want.parts.items()), default=0)
        sets[want.line_n] = min(want.quantity, most)
        for variant_id, units in want.parts.items():
            left[variant_id] = left.get(variant_id, 0) - units * sets[want.line_n]
    return sets


def _rank(
    place: Place, rules: Sequence[Rule], case: Case, free: Free, needs: Mapping[int, int]
) -> tuple[int, ...]:
    return (
        *(_mark(rule, place, case, free, needs) for rule in rules if rule.strategy not in (EXCLUDE, FEWEST)),
        _stock(place, free, needs),
        place.position,
        place.id,
    )


def _mark(rule: Rule, place: Place, case: Case, free: Free, needs: Mapping[int, int]) -> int:
    if rule.strategy == PREFER:
        return int(place.id != rule.location_id)
    if rule.strategy == SAME_COUNTRY:
        return int(place.country_code != case.country_code)
    return _stock(place, free, needs)


def _stock(place: Place, free: Free, needs: Mapping[int, int]) -> int:
    return -sum(max(free.get(variant_id, {}).get(place.id, 0), 0) for variant_id in needs)


def _give(
    needs: Mapping[int, int], free: Free, ranked: Sequence[Place], rules: Sequence[Rule], case: Case
) -> dict[int, dict[int, int]]:
    """Units by variant and place. Rules before the one on parcels part the places into tiers; each tier gives all it
    can before the next is asked, from as few places as that takes."""
    before = []
    if any(rule.strategy == FEWEST for rule in rules):
        for rule in rules:
            if rule.strategy == FEWEST:
                break
            if rule.strategy != EXCLUDE:
                before.append(rule)
    tiers: dict[tuple[int, ...], list[Place]] = defaultdict(list)
    for place in ranked:
        tiers[tuple(_mark(rule, place, case, free, needs) for rule in before)].append(place)
    left, given = Counter(needs), defaultdict[int, dict[int, int]](dict)
    for tier in (tiers[key] for key in sorted(tiers)):
        reach = {
            variant_id: min(units, sum(max(free.get(variant_id, {}).get(place.id, 0), 0) for place in tier))
            for variant_id, units in left.items()
        }
        for place in _fewest(reach, free, tier):
            for variant_id, units in reach.items():
                taken = min(units, max(free.get(variant_id, {}).get(place.id, 0), 0))
                if taken > 0:
                    given[variant_id][place.id] = taken
                    reach[variant_id] -= taken
                    left[variant_id] -= taken
    return given


def _fewest(needs: Mapping[int, int], free: Free, ranked: Sequence[Place]) -> Sequence[Place]:
    """The smallest set of places that has everything; among equals the one that ranks first."""
    wanted = {variant_id: units for variant_id, units in needs.items() if units > 0}
    useful = [
        place
        for place in ranked
        if any(free.get(variant_id, {}).get(place.id, 0) > 0 for variant_id in wanted)
    ]
    if not wanted:
        return ()
    tried = (group for size in range(1, len(useful) + 1) for group in combinations(useful, size))
    for group in islice(tried, MOST_TRIES):
        if all(
            sum(max(free[variant_id].get(place.id, 0), 0) for place in group) >= units
            for variant_id, units in wanted.items()
        ):
            return group
    return _widest_first(wanted, free, useful)


def _widest_first(wanted: Mapping[int, int], free: Free, useful: Sequence[Place]) -> list[Place]:
    left, rest, chosen = dict(wanted), list(useful), []
    while any(left.values()) and rest:

        def gain(place: Place) -> int:
            return sum(
                min(units, max(free[variant_id].get(place.id, 0), 0)) for variant_id, units in left.items()
            )

        # max() keeps the first of equals, and the places come in their rank.
        best = max(rest, key=gain)
        rest.remove(best)
        chosen.append(best)
        for variant_id in left:
            left[variant_id] -= min(left[variant_id], max(free[variant_id].get(best.id, 0), 0))
    return chosen


def _share_out(
    wants: Sequence[Want],
    sets: Mapping[int, int],
    given: Mapping[int, Mapping[int, int]],
    ranked: Iterable[Place],
) -> Iterator[Pick]:
    """Hand the units to the lines: a line keeps to one place where one has enough for it."""
    left = {variant_id: dict(there) for variant_id, there in given.items()}
    order = [place.id for place in ranked]
    for want in wants:
        for variant_id, each in want.parts.items():
            units = each * sets[want.line_n]
            there = left.get(variant_id, {})
            whole = [place for place in order if there.get(place, 0) >= units]
            for place in whole[:1] or order:
                taken = min(units, there.get(place, 0))
                if taken > 0:
                    yield Pick(want.line_n, variant_id, place, taken)
                    there[place] -= taken
                    units -= taken
