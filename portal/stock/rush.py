"""Reserve units of one variant when thousands want it: the requests that wait in a process go to the database together.

A row lock serves one transaction after the other, and each that waits makes the next one slower. So a process sends
one transaction per variant at a time, with everything that came in while the last one ran, in one round trip; between
processes the slots of a hot variant do the rest. docs/decisions/hot-variants.md has the figures.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from psycopg.errors import DeadlockDetected, SerializationFailure

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.jobs import events_of, ring
from portal.stock.bundles import parts_of
from portal.stock.combining import Combiner
from portal.stock.demand import note_demand
from portal.stock.models import Location
from portal.stock.reservations import Held, NotEnoughUnitsError, lasting, reserve
from portal.stock.routing.planning import EXCLUDE, PREFER, Case, Want
from portal.stock.routing.rules import PromiseTerms, promise_terms

ATTEMPTS: Final = 5
MEMORY_SECONDS: Final = 3.0
IDLE_SECONDS: Final = 60.0

MADE, TOO_FEW, KNOWN, OTHER = "made", "short", "known", "other"

_CALL: Final = """
    SELECT item, outcome, reservation
    FROM reserve_units(%s::integer, %s::bigint, %s::bigint[], %s::integer, %s::text[], %s::integer[], %s::text[], %s::bigint[],
                       %s::timestamptz[], %s::text[], %s::bigint[])"""


@dataclass(frozen=True, slots=True)
class Ask:
    """Units that one buyer wants kept."""

    key: str
    units: int
    holder: str
    channel_id: int | None
    ends: dt.datetime
    by: Actor


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it: one of MADE, TOO_FEW, KNOWN (something is kept under the key), OTHER (no plain variant)."""

    outcome: str
    reservation_id: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """What requests must share to be answered together."""

    merchant_id: int
    variant_id: int
    places: tuple[int, ...]
    buffer: int


def reserve_at_once(
    key: str,
    variant_id: int,
    units: int,
    *,
    sku: str,
    holder: str = "basket",
    channel_id: int | None = None,
    minutes: int | None = None,
    buffer: int = 0,
    by: Actor,
) -> Held:
    """Keep units of one variant, all or none, in a transaction of its own that is committed when this returns.

    ``reserve`` for the case that has thousands of buyers: call it with nothing of your own open.

    Raises:
        DomainError: the key is empty or too long, the time or the number of units is none.
        NotEnoughUnitsError: fewer units are left, the buffer counted off.
    """
    way = _way_to(channel_id)
    expires_at = lasting(key, minutes or way.terms.basket_minutes)
    target = Target(current_merchant_id(), variant_id, way.places, buffer)
    answer = _combined(target, Ask(key, units, holder, channel_id, expires_at, by))
    if answer.outcome == MADE and answer.reservation_id is not None:
        return Held(answer.reservation_id, key, expires_at, {})
    if answer.outcome == TOO_FEW:
        raise NotEnoughUnitsError([sku], {1: units})
    # Something is kept under the key already, or the variant is a bundle: the engine for whole baskets sees to it.
    held = reserve(
        key,
        [Want(1, sku, units, _parts(variant_id))],
        holder=holder,
        case=Case(channel_id=channel_id),
        minutes=minutes,
        buffer=buffer,
        by=by,
    )
    db.session.commit()
    return held


@dataclass(frozen=True, slots=True)
class _Way:
    terms: PromiseTerms
    places: tuple[int, ...]
    read_at: float


_lock = threading.Lock()
_ways: dict[tuple[sa.Engine, int, int | None], _Way] = {}
_combiners: dict[tuple[sa.Engine, Target], Combiner[Ask, Answer]] = {}


def _way_to(channel_id: int | None) -> _Way:
    """The places that may keep units for a channel, in the merchant's order, as this process read them of late.

    Where they ship from is chosen anew when the order is placed.
    """
    key = (db.engine, current_merchant_id(), channel_id)
    known = _ways.get(key)
    if known is None or time.monotonic() - known.read_at > MEMORY_SECONDS:
        known = _ways[key] = _read_way(channel_id)
        db.session.rollback()
    return known


def _read_way(channel_id: int | None) -> _Way:
    terms, table = promise_terms(), Location.__table__
    case = Case(channel_id=channel_id)
    counting = [
        rule
        for rule in terms.rules
        if rule.mismatch(case) is None and rule.least_total is None and rule.most_total is None
    ]
    rows = db.session.execute(
        sa.select(table.c.id)
        .where(table.c.merchant_id == current_merchant_id(), table.c.is_active)
        .order_by(table.c.position, table.c.id)
    ).scalars()
    excluded = {rule.location_id for rule in counting if rule.strategy == EXCLUDE}
    preferred = [rule.location_id for rule in counting if rule.strategy == PREFER]
    places = [place for place in rows if place not in excluded]
    places.sort(key=lambda place: preferred.index(place) if place in preferred else len(preferred))
    return _Way(terms, tuple(places), time.monotonic())


def reserve_together(target: Target, asks: Sequence[Ask]) -> Sequence[Answer]:
    """Ask the database once for all, in a transaction of its own and one round trip."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            rows = _one_trip(_CALL, _arguments(target, asks))
            break
        except (SerializationFailure, DeadlockDetected):
            if attempt == ATTEMPTS:
                raise
            time.sleep(0.005 * attempt)
    found = {item: Answer(outcome, reservation) for item, outcome, reservation in rows}
    return [found[item] for item in range(1, len(asks) + 1)]


def _arguments(target: Target, asks: Sequence[Ask]) -> tuple[Any, ...]:
    return (
        target.merchant_id,
        target.variant_id,
        list(target.places),
        target.buffer,
        [each.key for each in asks],
        [each.units for each in asks],
        [each.holder for each in asks],
        [each.channel_id for each in asks],
        [each.ends for each in asks],
        [each.by.kind for each in asks],
        [each.by.id for each in asks],
    )


def _one_trip(statement: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The statement and COMMIT in one packet: what it locks is held for no journey of ours."""
    with db.engine.connect() as pooled:
        connection = pooled.connection.driver_connection
        assert isinstance(connection, psycopg.Connection)
        try:
            with connection.pipeline():
                cursor = connection.execute(statement, arguments)
                connection.commit()
            return cursor.fetchall()
        except psycopg.Error:
            connection.rollback()
            raise


def _combined(target: Target, ask: Ask) -> Answer:
    key = (db.engine, target)
    with _lock:
        combiner = _combiners.get(key)
        if combiner is None:
            _forget_idle()
            combiner = _combiners[key] = Combiner(
                lambda asks: reserve_together(target, asks), lambda answers: _tell(target, answers)
            )
    return combiner.submit(ask)


def _tell(target: Target, answers: Sequence[Answer]) -> None:
    """Wake who follows the events of stock, and notice that the variant is in demand."""
    if any(answer.outcome == MADE for answer in answers):
        ring(events_of(target.merchant_id))
    if note_demand([target.variant_id], len(answers)):
        db.session.commit()


def _forget_idle() -> None:
    until = time.monotonic() - IDLE_SECONDS
    for key in [key for key, each in _combiners.items() if each.used_at < until]:
        del _combiners[key]


def _parts(variant_id: int) -> dict[int, int]:
    return parts_of([variant_id]).get(variant_id, {variant_id: 1})
