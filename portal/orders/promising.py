"""How units are promised to lines: what a line is made of, where its units come from, what happens when there are none.

The one engine behind placing an order and allocating one that stands. It holds the levels and decides; the caller
writes lines, ``order_allocation`` and movements.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.stock.demand import note_demand
from portal.stock.moving import Level, Move
from portal.stock.reservations import Kept, end_reservation, kept_under, reserve
from portal.stock.routing.planning import Case, Pick, Plan, Want, plan
from portal.stock.routing.rules import PromiseTerms, terms_from
from portal.stock.supply import Supply, hold_supply

ALLOCATED, PENDING, NONE, SHORT = "allocated", "pending", "none", "short"
BACKORDERED, PREORDERED = "backordered", "preordered"
WAITING: Final = (BACKORDERED, PREORDERED)
SECURED: Final = ("authorised", "paid", "part_refunded", "refunded")

# A function whose plans are kept: migrations/functions/placement.sql.
PROMISE_FACTS: Final = (
    "promise_facts(:merchant, CAST(:sold_variants AS bigint[]), CAST(:kept_keys AS text[]))"
)

_FACTS: Final = sa.text(f"SELECT sold, setting, rules, is_kept FROM {PROMISE_FACTS}")

# Held in the order of their keys, so that two orders cannot both take the last unit of a limit.
_LIMITS: Final = sa.text("""
    SELECT v.id FROM variant AS v
    WHERE v.merchant_id = :merchant AND v.id = ANY(CAST(:variants AS bigint[]))
    ORDER BY v.id FOR NO KEY UPDATE""")

_AWAITED: Final = sa.text("""
    SELECT l.variant_id, sum(l.quantity - l.cancelled_quantity - l.fulfilled_quantity - l.allocated_quantity)::bigint AS units
    FROM order_line AS l
    WHERE l.merchant_id = :merchant AND l.variant_id = ANY(CAST(:variants AS bigint[]))
      AND l.promise_state IN ('backordered', 'preordered')
      AND NOT (l.order_id = :order AND l.n = ANY(CAST(:lines AS integer[])))
    GROUP BY l.variant_id""")


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What routing and the moment of allocation ask about an order; ``total`` is in the merchant's own currency."""

    order_id: int
    channel_id: int | None
    country_code: str | None
    total: Decimal
    payment_state: str
    tags: frozenset[str] = frozenset()
    delivery: str = "ship"
    delivery_location_id: int | None = None

    @property
    def case(self) -> Case:
        return Case(
            self.country_code, self.channel_id, self.tags, self.total, only_at=self.delivery_location_id
        )

    @property
    def is_secured(self) -> bool:
        """Whether units are promised for good now: it is paid for, or the buyer has them in their hands."""
        return self.payment_state in SECURED or self.delivery == "hand_over"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units of a line that nothing is promised for yet; ``state`` is what the line waits for already."""

    line_n: int
    sku: str
    variant_id: int
    units: int
    state: str = NONE


@dataclass(frozen=True, slots=True)
class Shortage:
    """Units of a line that cannot be promised now. ``state``: short, or back-ordered or pre-ordered as its variant allows."""

    line_n: int
    sku: str
    variant_id: int
    units: int
    state: str


@dataclass(frozen=True, slots=True)
class LinePromise:
    """What a line got: units of it allocated now, the place most of them lie, and the state of the rest."""

    units: int
    location_id: int | None
    state: str


NOTHING: Final = LinePromise(0, None, NONE)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Units of one level that are a line's from now on."""

    line_n: int
    level: Level
    units: int


@dataclass(frozen=True, slots=True)
class Promise:
    """What came of promising an order's lines. Lines that are not counted are in neither.

    ``are_held``: all levels that the moves change are held, and have enough.
    """

    lines: Mapping[int, LinePromise] = field(default_factory=dict)
    shortages: Sequence[Shortage] = ()
    allocations: Sequence[Allocation] = ()
    moves: Sequence[Move] = ()
    are_held: bool = False

    def of(self, line_n: int) -> LinePromise:
        """What a line got; one that is not counted needs nothing."""
        return self.lines.get(line_n, NOTHING)

    @property
    def short_skus(self) -> list[str]:
        """SKUs that neither stock nor a later delivery covers."""
        return sorted({shortage.sku for shortage in self.shortages if shortage.state == SHORT})


@dataclass(frozen=True, slots=True)
class Counted:
    """A counted variant: the units of each component that one takes, and what happens when there are none."""

    parts: Mapping[int, int]
    policy: str
    limit: int | None
    until: dt.date | None


@dataclass(frozen=True, slots=True)
class PromiseFacts:
    """What promising asks first: counted variants, the merchant's terms, and whether anything is kept for the order."""

    counted: Mapping[int, Counted]
    terms: PromiseTerms
    is_kept: bool


def promise_units(
    facts: OrderFacts,
    wanted: Sequence[Wanted],
    *,
    reservation_key: str | None = None,
    asked: PromiseFacts | None = None,
    by: Actor,
) -> Promise:
    """Choose units for lines of an order, as far as units are there, and hold them until the transaction ends.

    A merchant who allocates on payment has the units kept for the payment instead, while it is not secured.

    Args:
        reservation_key: a reservation of the buyer's whose units are taken over; one that ran out is none.
        asked: what the caller asked already, with the arguments of ``arguments_for``.
    """
    if not wanted:
        return Promise()
    keys = [key for key in (reservation_key, payment_key(facts.order_id)) if key]
    asked = asked or _ask(wanted, keys)
    known, terms, is_kept = asked.counted, asked.terms, asked.is_kept
    counted = [each for each in wanted if each.units > 0 and known.get(each.variant_id)]
    if not counted:
        return Promise()
    wants = [
        Want(each.line_n, each.sku, each.units, known[each.variant_id].parts)
        for each in counted
        if known[each.variant_id].parts
    ]
    kept = [found for key in keys if (found := kept_under(key)) is not None] if is_kept else []
    if terms.allocate_on == "payment" and not facts.is_secured:
        missing = _keep_for_payment(facts, wants, kept, terms, by)
        return _promise(facts, counted, {}, missing, PENDING, known)
    needs = _needs(wants)
    note_demand(needs)
    supply = hold_supply(needs, _own(kept))
    chosen = plan(wants, supply.free(), supply.places, terms.rules, facts.case)
    allocations, moves = _taken(facts.order_id, chosen, supply, kept)
    for each in kept:
        end_reservation(each, "used")
    promise = _promise(facts, counted, _most(chosen.picks), chosen.missing, ALLOCATED, known)
    are_held = all(move.level in supply.shelves for move in moves)
    return replace(promise, allocations=allocations, moves=moves, are_held=are_held)


def payment_key(order_id: int) -> str:
    """The key under which units wait for an order's payment."""
    return f"order:{order_id}"


def arguments_for(wanted: Sequence[Wanted], keys: Sequence[str]) -> dict[str, Any]:
    """The arguments of ``PROMISE_FACTS``, for a statement that asks more.

    Args:
        keys: of reservations that may keep units for the order.
    """
    return {
        "merchant": current_merchant_id(),
        "sold_variants": sorted({each.variant_id for each in wanted}),
        "kept_keys": list(keys),
    }


def facts_from(row: sa.Row[Any]) -> PromiseFacts:
    """What ``PROMISE_FACTS`` gave. A bundle's parts are its counted components."""
    found = {}
    for sold in row.sold or ():
        parts = sold["parts"]
        made_of = {sold["id"]: 1} if parts is None else {int(key): n for key, n in parts.items() if n}
        if sold["is_stocked"] and made_of:
            until = dt.date.fromisoformat(sold["preorder_until"]) if sold["preorder_until"] else None
            found[sold["id"]] = Counted(made_of, sold["stock_policy"], sold["backorder_limit"], until)
    return PromiseFacts(found, terms_from(row.setting, row.rules), row.is_kept)


def _ask(wanted: Sequence[Wanted], keys: Sequence[str]) -> PromiseFacts:
    return facts_from(db.session.execute(_FACTS, arguments_for(wanted, keys)).one())


def _needs(wants: Sequence[Want]) -> Counter[int]:
    needs: Counter[int] = Counter()
    for want in wants:
        for variant_id, units in want.parts.items():
            needs[variant_id] += units * want.quantity
    return needs


def _own(kept: Sequence[Kept]) -> dict[Level, int]:
    own: Counter[Level] = Counter()
    for each in kept:
        own.update(each.levels)
    return dict(own)


def _keep_for_payment(
    facts: OrderFacts, wants: Sequence[Want], kept: Sequence[Kept], terms: PromiseTerms, by: Actor
) -> Mapping[int, int]:
    """Keep units until the order is paid; gives the units per line that cannot be kept."""
    held = reserve(
        payment_key(facts.order_id),
        wants,
        holder="payment",
        holder_id=facts.order_id,
        case=facts.case,
        minutes=terms.payment_minutes,
        instead_of=[each for each in kept if each.key != payment_key(facts.order_id)],
        whole=False,
        by=by,
    )
    return held.missing


def _taken(
    order_id: int, chosen: Plan, supply: Supply, kept: Sequence[Kept]
) -> tuple[Sequence[Allocation], Sequence[Move]]:
    """What a plan allocates, and how it moves stock; what was kept and is not needed goes back on sale."""
    cause: dict[str, Any] = {"cause_kind": "order", "cause_id": order_id}
    moves: list[Move] = []
    rows: Counter[tuple[int, Level]] = Counter()
    taken_own: Counter[Level] = Counter()
    for pick in chosen.picks:
        for part in supply.take(pick.variant_id, pick.location_id, pick.units):
            variant_id, location_id, slot = part.level
            moves.append(
                Move(
                    variant_id,
                    location_id,
                    "allocated",
                    allocated=part.units,
                    reserved=-part.own,
                    slot=slot,
                    **cause,
                )
            )
            rows[pick.line_n, part.level] += part.units
            taken_own[part.level] += part.own
    for level, units in _own(kept).items():
        if units > taken_own[level]:
            moves.append(
                Move(
                    level[0], level[1], "released", reserved=taken_own[level] - units, slot=level[2], **cause
                )
            )
    return [Allocation(line_n, level, units) for (line_n, level), units in sorted(rows.items())], moves


def _most(picks: Sequence[Pick]) -> dict[int, int]:
    units: dict[int, Counter[int]] = defaultdict(Counter)
    for pick in picks:
        units[pick.line_n][pick.location_id] += pick.units
    return {line_n: there.most_common(1)[0][0] for line_n, there in units.items()}


def _promise(
    facts: OrderFacts,
    counted: Sequence[Wanted],
    places: Mapping[int, int],
    missing: Mapping[int, int],
    state: str,
    known: Mapping[int, Counted],
) -> Promise:
    short = [each for each in counted if missing.get(each.line_n)]
    states = _states_of_the_rest(facts, short, missing, known) if short else {}
    lines = {
        each.line_n: LinePromise(
            0 if state == PENDING else each.units - missing.get(each.line_n, 0),
            places.get(each.line_n),
            states.get(each.line_n, state),
        )
        for each in counted
    }
    return Promise(
        lines,
        [
            Shortage(each.line_n, each.sku, each.variant_id, missing[each.line_n], states[each.line_n])
            for each in short
        ],
    )


def _states_of_the_rest(
    facts: OrderFacts, short: Sequence[Wanted], missing: Mapping[int, int], known: Mapping[int, Counted]
) -> dict[int, str]:
    limited = {
        each.variant_id
        for each in short
        if known[each.variant_id].policy == "backorder" and known[each.variant_id].limit is not None
    }
    lines = [each.line_n for each in short]
    waiting: Counter[int] = Counter(_awaited(limited, facts.order_id, lines) if limited else {})
    states = {}
    for each in short:
        if each.state in WAITING:
            # Whoever waits already was told so, and goes on waiting when the limit is lowered.
            states[each.line_n] = each.state
            continue
        fact = known[each.variant_id]
        states[each.line_n] = _state(fact, waiting[each.variant_id] + missing[each.line_n])
        if states[each.line_n] == BACKORDERED:
            waiting[each.variant_id] += missing[each.line_n]
    return states


def _state(fact: Counted, waiting: int) -> str:
    if fact.policy == "preorder" and (fact.until is None or fact.until >= utc_now().date()):
        return PREORDERED
    if fact.policy == "backorder" and (fact.limit is None or waiting <= fact.limit):
        return BACKORDERED
    return SHORT


def _awaited(variant_ids: set[int], order_id: int, lines: Sequence[int]) -> dict[int, int]:
    """Units that all other lines wait for, by variant; the variants are held, so that the limit is not passed by two at once."""
    of = {"merchant": current_merchant_id(), "variants": sorted(variant_ids)}
    db.session.execute(_LIMITS, of)
    rows = db.session.execute(_AWAITED, of | {"order": order_id, "lines": list(lines)})
    return {row.variant_id: row.units for row in rows}
