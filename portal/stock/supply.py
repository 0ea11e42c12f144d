"""The units that may be promised, shelf by shelf: held for whoever is about to promise them, or only looked at.

A hot variant's units lie in slots. Whoever needs some takes a slot that nobody holds; only when no free slot has
enough are all of them waited for, so that none is refused while units remain.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.stock.models import HotVariant
from portal.stock.moving import Level
from portal.stock.routing.planning import Place

# How long a process may not know that a variant became hot: it waits longer then, and is never wrong.
MEMORY_SECONDS: Final = 3.0

_SEEN: Final = sa.text("""
    SELECT l.variant_id, l.location_id, l.slot, l.on_hand - l.allocated - l.reserved - l.unavailable AS free,
           p.name, p.country_code, p.position
    FROM stock_level AS l
    JOIN location AS p ON p.merchant_id = l.merchant_id AND p.id = l.location_id
    WHERE l.merchant_id = :merchant AND l.variant_id = ANY(CAST(:variants AS bigint[])) AND p.is_active""")

# One call of a function whose plans are kept: migrations/functions/stock.sql says which levels it holds, and how.
_HELD: Final = sa.text("""
    SELECT variant_id, location_id, slot, free, name, country_code, position
    FROM hold_levels(
        :merchant, CAST(:variants AS bigint[]), CAST(:ways AS text[]), CAST(:wanted AS integer[]),
        CAST(:kept_variants AS bigint[]), CAST(:kept_places AS bigint[]), CAST(:kept_slots AS smallint[]))""")

ALL, SLOT, KEPT = "all", "slot", "kept"


@dataclass(slots=True)
class Shelf:
    """One level as a promise may use it: ``free`` to anyone, ``own`` kept already for the one who asks."""

    level: Level
    free: int
    own: int = 0


@dataclass(slots=True)
class Taken:
    """Units of one level that were taken, of which ``own`` were kept for the taker before."""

    level: Level
    units: int
    own: int


@dataclass(slots=True)
class Supply:
    """Shelves of some variants and the places they stand in."""

    places: list[Place] = field(default_factory=list)
    shelves: dict[Level, Shelf] = field(default_factory=dict)

    def free(self, buffer: int = 0) -> dict[int, dict[int, int]]:
        """Units that may be taken, by variant and location; *buffer* free units of each variant stay where most lie."""
        found: dict[int, dict[int, int]] = defaultdict(dict)
        own: dict[int, dict[int, int]] = defaultdict(dict)
        for (variant_id, location_id, _), shelf in self.shelves.items():
            for there, units in ((found[variant_id], shelf.free), (own[variant_id], shelf.own)):
                there[location_id] = there.get(location_id, 0) + units
        for variant_id, there in found.items():
            left = buffer
            for place in sorted(there, key=lambda place: (-there[place], place)) if buffer else ():
                kept = min(left, there[place])
                there[place] -= kept
                left -= kept
            for place, units in own[variant_id].items():
                there[place] += units
        return dict(found)

    def take(self, variant_id: int, location_id: int, units: int) -> list[Taken]:
        """Take units of a variant at a place: what is kept for the taker first, then from the fullest slot."""
        there = sorted(
            (shelf for level, shelf in self.shelves.items() if level[:2] == (variant_id, location_id)),
            key=lambda shelf: (-shelf.own, -shelf.free, shelf.level),
        )
        taken = []
        for shelf in there:
            own = min(units, shelf.own)
            anyones = min(units - own, shelf.free)
            if own + anyones:
                taken.append(Taken(shelf.level, own + anyones, own))
                shelf.own -= own
                shelf.free -= anyones
                units -= own + anyones
        return taken


def see_supply(variant_ids: Iterable[int]) -> Supply:
    """The shelves as they stand, for a page that asks what would happen."""
    wanted = {"merchant": current_merchant_id(), "variants": sorted(set(variant_ids))}
    return _supply(db.session.execute(_SEEN, wanted).all(), {})


def hold_supply(needs: Mapping[int, int], own: Mapping[Level, int] | None = None) -> Supply:
    """The shelves of variants of which so many units are wanted, held until the transaction ends.

    Args:
        needs: units by variant.
        own: units that are kept already for the one who asks; the caller holds that reservation.
    """
    kept = own or {}
    rows = _hold(_ways(needs, kept), needs, kept)
    short = _short(rows, needs, kept)
    if short:
        # While we waited, units may have been spread over slots that were not there when the statement began. Now that
        # the first slot is held nobody can do so again.
        rows = [row for row in rows if row.variant_id not in short]
        rows += _hold(dict.fromkeys(sorted(short), ALL), needs, kept)
    return _supply(rows, kept)


def _ways(needs: Mapping[int, int], own: Mapping[Level, int]) -> dict[int, str]:
    """How each variant's levels are held, in the order of their keys; what is kept and not needed goes back on sale."""
    kept = _units_by_variant(own)
    hot = hot_among(needs)
    ways = {}
    for variant_id in sorted(needs.keys() | kept.keys()):
        if variant_id in kept and (variant_id in hot or variant_id not in needs):
            ways[variant_id] = KEPT if kept[variant_id] >= needs.get(variant_id, 0) else ALL
        else:
            ways[variant_id] = SLOT if variant_id in hot else ALL
    return ways


def _hold(ways: Mapping[int, str], needs: Mapping[int, int], own: Mapping[Level, int]) -> list[Any]:
    levels = sorted(own)
    call = {
        "merchant": current_merchant_id(),
        "variants": list(ways),
        "ways": list(ways.values()),
        "wanted": [needs.get(variant_id, 0) for variant_id in ways],
        "kept_variants": [level[0] for level in levels],
        "kept_places": [level[1] for level in levels],
        "kept_slots": [level[2] for level in levels],
    }
    return list(db.session.execute(_HELD, call))


def _short(rows: Iterable[Any], needs: Mapping[int, int], own: Mapping[Level, int]) -> set[int]:
    """Variants of which less was found than is wanted."""
    found = _units_by_variant(own)
    for row in rows:
        found[row.variant_id] += row.free
    return {variant_id for variant_id, units in needs.items() if found[variant_id] < units}


def _units_by_variant(levels: Mapping[Level, int]) -> Counter[int]:
    units: Counter[int] = Counter()
    for level, there in levels.items():
        units[level[0]] += there
    return units


def _supply(rows: Iterable[Any], own: Mapping[Level, int]) -> Supply:
    supply, places = Supply(), {}
    for row in rows:
        level = (row.variant_id, row.location_id, row.slot)
        supply.shelves[level] = Shelf(level, max(row.free, 0), own.get(level, 0))
        places[row.location_id] = Place(row.location_id, row.name, row.country_code, row.position)
    supply.places = [places[key] for key in sorted(places)]
    return supply


_lock = threading.Lock()
_known: dict[tuple[sa.Engine, int], tuple[float, frozenset[int]]] = {}


def hot_among(variant_ids: Iterable[int]) -> frozenset[int]:
    """Those of the variants whose levels are spread over slots, as this process last read."""
    merchant_id = current_merchant_id()
    key = (db.engine, merchant_id)
    with _lock:
        read_at, hot = _known.get(key, (0.0, frozenset[int]()))
    if time.monotonic() - read_at > MEMORY_SECONDS:
        table = HotVariant.__table__
        hot = frozenset(
            db.session.scalars(sa.select(table.c.variant_id).where(table.c.merchant_id == merchant_id))
        )
        with _lock:
            _known[key] = (time.monotonic(), hot)
    return hot.intersection(variant_ids)


def forget_hot() -> None:
    """Read anew which variants are hot: this process changed it."""
    with _lock:
        _known.clear()
