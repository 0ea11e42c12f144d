"""What of an order is promised, where it lies, and how it is given back or taken from the shelf.

``order_allocation`` is the truth: so many units of a level for a line. Everything that promises units to an order, gives
them up or lets them leave goes through here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core import outbox
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError
from portal.orders.book import lines_of, lock_order, of_order, tell
from portal.orders.models import OrderAllocation, OrderLine, OrderTag
from portal.orders.promising import (
    ALLOCATED,
    BACKORDERED,
    NONE,
    PENDING,
    PREORDERED,
    SHORT,
    WAITING,
    Allocation,
    LinePromise,
    OrderFacts,
    Promise,
    Shortage,
    Wanted,
    payment_key,
    promise_units,
)
from portal.orders.shortfalls.services import open_shortfall
from portal.stock.models import Location
from portal.stock.moving import Move, apply_moves
from portal.stock.promises import TakeBack
from portal.stock.reservations import release
from portal.stock.routing.planning import plan

__all__ = [
    "ALLOCATED",
    "BACKORDERED",
    "NONE",
    "PENDING",
    "PREORDERED",
    "SHORT",
    "WAITING",
    "Allocated",
    "LinePromise",
    "OrderFacts",
    "Promise",
    "Shortage",
    "Taken",
    "Wanted",
    "allocate_order",
    "allocations_of",
    "plan",
    "promise_lines",
    "promise_units",
    "release_lines",
    "take_back_allocated",
    "take_units",
]

_line: Final = OrderLine.__table__
_allocation: Final = OrderAllocation.__table__
_location: Final = Location.__table__

_ALLOCATE: Final = sa.text("""
    INSERT INTO order_allocation AS o (merchant_id, order_id, line_n, variant_id, location_id, slot, quantity)
    SELECT :merchant, :order, a.line_n, a.variant_id, a.location_id, a.slot, a.quantity
    FROM unnest(CAST(:lines AS integer[]), CAST(:variants AS bigint[]), CAST(:places AS bigint[]),
                CAST(:slots AS smallint[]), CAST(:units AS integer[])) AS a(line_n, variant_id, location_id, slot, quantity)
    ON CONFLICT (merchant_id, order_id, line_n, variant_id, location_id, slot)
    DO UPDATE SET quantity = o.quantity + excluded.quantity""")


@dataclass(frozen=True, slots=True)
class Allocated:
    """Units of one level that wait for a line; ``variant_id`` is a component's where the line is a bundle."""

    line_n: int
    variant_id: int
    location_id: int
    location: str
    slot: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Units of a variant that left a location for a line."""

    line_n: int
    variant_id: int
    location_id: int
    units: int


def allocate_order(order_id: int, *, reservation_key: str | None = None, by: Actor) -> Sequence[Shortage]:
    """Promise every unit of the order that nothing is promised for yet, from as many places as it takes.

    The order is held until the transaction ends; allocating twice promises nothing twice. Gives what is not there,
    with the state each line is left in.
    """
    head = lock_order(order_id)
    lines = lines_of(order_id)
    wanted = [
        Wanted(line["n"], line["sku"], line["variant_id"], units, line["promise_state"])
        for line in lines
        if line["is_counted"] and (units := _open_units(line)) > 0
    ]
    if not wanted:
        return []
    facts = OrderFacts(
        order_id,
        head["channel_id"],
        head["country_code"],
        head["base_total"],
        head["payment_state"],
        _tags(order_id),
        head["delivery"],
        head["delivery_location_id"],
    )
    promise = promise_units(facts, wanted, reservation_key=reservation_key, by=by)
    apply_moves(promise.moves, by=by)
    _allocate(order_id, promise.allocations)
    for n, got in promise.lines.items():
        values: dict[str, Any] = {"promise_state": got.state}
        if got.units:
            values |= {
                "allocated_quantity": _line.c.allocated_quantity + got.units,
                "location_id": got.location_id,
            }
        db.session.execute(sa.update(_line).where(of_order(_line, order_id), _line.c.n == n).values(values))
    units = sum(got.units for got in promise.lines.values())
    if units:
        tell(order_id, "allocated", by, units=str(units))
    elif any(each.state != promise.of(each.line_n).state for each in wanted):
        outbox.publish("order.allocated", key=f"order:{order_id}", payload={"order_id": order_id})
    return promise.shortages


def _allocate(order_id: int, allocations: Sequence[Allocation]) -> None:
    if not allocations:
        return
    db.session.execute(
        _ALLOCATE,
        {
            "merchant": current_merchant_id(),
            "order": order_id,
            "lines": [each.line_n for each in allocations],
            "variants": [each.level[0] for each in allocations],
            "places": [each.level[1] for each in allocations],
            "slots": [each.level[2] for each in allocations],
            "units": [each.units for each in allocations],
        },
    )


def promise_lines(order_id: int, by: Actor) -> Sequence[str]:
    """``allocate_order``, for who only asks which SKUs neither stock nor a later delivery covers."""
    return sorted({each.sku for each in allocate_order(order_id, by=by) if each.state == SHORT})


def allocations_of(order_id: int) -> Sequence[Allocated]:
    """Where the units of an order lie, by line and place."""
    rows = db.session.execute(
        sa.select(_allocation, _location.c.name.label("location"))
        .join(
            _location,
            sa.and_(
                _location.c.merchant_id == _allocation.c.merchant_id,
                _location.c.id == _allocation.c.location_id,
            ),
        )
        .where(of_order(_allocation, order_id))
        .order_by(
            _allocation.c.line_n,
            _location.c.position,
            _allocation.c.location_id,
            _allocation.c.variant_id,
            _allocation.c.slot,
        )
    )
    return [
        Allocated(row.line_n, row.variant_id, row.location_id, row.location, row.slot, row.quantity)
        for row in rows
    ]


def release_lines(order_id: int, units_by_line: Mapping[int, int], *, by: Actor) -> None:
    """Give promised units of lines back on sale; more than a line has promised is all it has.

    Units that are kept for the order's payment go back with the last line that waits for it.
    """
    lock_order(order_id)
    lines = _lines(order_id)
    rows = _rows(order_id)
    given: Counter[tuple[int, int, int, int]] = Counter()
    for n, units in units_by_line.items():
        line = lines[n]
        sets = min(units, line["allocated_quantity"])
        for variant_id, per_set in _per_set(line, rows).items():
            # The last shelf first: what an order is picked from stays in one place for longest.
            there = [row for row in reversed(rows) if row["line_n"] == n and row["variant_id"] == variant_id]
            _spread(given, there, per_set * sets)
        _lower(order_id, n, sets)
    _give_back(order_id, given, "deallocated", by)
    _settle_payment_wait(order_id, by)


def take_units(
    order_id: int, units_by_line: Mapping[int, int], *, location_id: int | None = None, by: Actor
) -> Sequence[Taken]:
    """Units of lines leave the shelf: what was promised is sold. The caller counts them as fulfilled.

    Args:
        units_by_line: units of each line; a bundle takes its components.
        location_id: only from there; else from wherever they are promised.

    Raises:
        ConflictError: fewer are promised (there).
    """
    lock_order(order_id)
    lines = _lines(order_id)
    rows = [row for row in _rows(order_id) if location_id in (None, row["location_id"])]
    taken: Counter[tuple[int, int, int, int]] = Counter()
    for n, units in units_by_line.items():
        line = lines[n]
        if units > line["allocated_quantity"]:
            raise ConflictError(
                f"{line['sku']}: only {line['allocated_quantity']} are promised to this order."
            )
        for variant_id, per_set in _per_set(line, _rows(order_id)).items():
            there = [row for row in rows if row["line_n"] == n and row["variant_id"] == variant_id]
            if _spread(taken, there, per_set * units):
                raise ConflictError(
                    f"{line['sku']}: not all {units} are promised at this location. Choose where they lie."
                )
        _lower(order_id, n, units)
    _give_back(order_id, taken, "sold", by)
    left: Counter[tuple[int, int, int]] = Counter()
    for (n, variant_id, place, _), units in taken.items():
        left[n, variant_id, place] += units
    return [Taken(*key, units) for key, units in sorted(left.items())]


def take_back_allocated(asked: TakeBack, *, by: Actor) -> int:
    """Give up promised units of a level that turned out not to be there, from the youngest orders first.

    A bundle that loses a component gives up its other components, too. The orders say what they miss.
    """
    rows = (
        db.session.execute(
            sa.select(_allocation)
            .where(
                _allocation.c.merchant_id == current_merchant_id(),
                _allocation.c.variant_id == asked.variant_id,
                _allocation.c.location_id == asked.location_id,
            )
            .order_by(_allocation.c.order_id.desc(), _allocation.c.line_n.desc(), _allocation.c.slot)
            .limit(asked.units)
            .with_for_update()
        )
        .mappings()
        .all()
    )
    found = 0
    for row in rows:
        if found >= asked.units:
            break
        found += _take_back_from(row, min(asked.units - found, row["quantity"]), asked, by)
    return found


def _open_units(line: sa.RowMapping) -> int:
    return int(
        line["quantity"]
        - line["cancelled_quantity"]
        - line["fulfilled_quantity"]
        - line["allocated_quantity"]
    )


def _tags(order_id: int) -> frozenset[str]:
    table = OrderTag.__table__
    return frozenset(db.session.scalars(sa.select(table.c.tag).where(of_order(table, order_id))))


def _lines(order_id: int) -> dict[int, sa.RowMapping]:
    return {line["n"]: line for line in lines_of(order_id)}


def _rows(order_id: int) -> list[sa.RowMapping]:
    return list(
        db.session.execute(
            sa.select(_allocation)
            .where(of_order(_allocation, order_id))
            .order_by(
                _allocation.c.line_n,
                _allocation.c.variant_id,
                _allocation.c.location_id,
                _allocation.c.slot,
            )
            .with_for_update()
        ).mappings()
    )


def _per_set(line: sa.RowMapping, rows: Sequence[sa.RowMapping]) -> dict[int, int]:
    """Units of each variant that one unit of the line holds, as it was when they were promised."""
    held: Counter[int] = Counter()
    for row in rows:
        if row["line_n"] == line["n"]:
            held[row["variant_id"]] += row["quantity"]
    return {variant_id: units // max(line["allocated_quantity"], 1) for variant_id, units in held.items()}


def _spread(onto: Counter[tuple[int, int, int, int]], rows: Sequence[sa.RowMapping], units: int) -> int:
    """Take units from rows in their order, beyond what was taken of them before; gives how many no row has."""
    for row in rows:
        key = (row["line_n"], row["variant_id"], row["location_id"], row["slot"])
        taken = min(units, row["quantity"] - onto[key])
        if taken > 0:
            onto[key] += taken
            units -= taken
    return units


def _lower(order_id: int, n: int, sets: int) -> None:
    db.session.execute(
        sa.update(_line)
        .where(of_order(_line, order_id), _line.c.n == n)
        .values(allocated_quantity=_line.c.allocated_quantity - sets)
    )


def _give_back(
    order_id: int,
    units: Mapping[tuple[int, int, int, int], int],
    kind: str,
    by: Actor,
    cause: tuple[str, int] | None = None,
) -> None:
    """Rows lose units, and the levels the promise of them; what is sold leaves the shelf as well."""
    cause_kind, cause_id = cause or ("order", order_id)
    by_level: Counter[tuple[int, int, int]] = Counter()
    for (n, variant_id, place, slot), gone in units.items():
        by_level[variant_id, place, slot] += gone
        own = (
            of_order(_allocation, order_id),
            _allocation.c.line_n == n,
            _allocation.c.variant_id == variant_id,
            _allocation.c.location_id == place,
            _allocation.c.slot == slot,
        )
        emptied = db.session.execute(
            sa.delete(_allocation).where(*own, _allocation.c.quantity == gone).returning(_allocation.c.line_n)
        ).first()
        if emptied is None:
            db.session.execute(
                sa.update(_allocation).where(*own).values(quantity=_allocation.c.quantity - gone)
            )
    apply_moves(
        [
            Move(
                variant_id,
                place,
                kind,
                on_hand=-gone if kind == "sold" else 0,
                allocated=-gone,
                slot=slot,
                cause_kind=cause_kind,
                cause_id=cause_id,
            )
            for (variant_id, place, slot), gone in sorted(by_level.items())
        ],
        by=by,
    )


def _settle_payment_wait(order_id: int, by: Actor) -> None:
    """Units that are kept for a payment go back once no line waits for it."""
    waits = db.session.execute(
        sa.select(_line.c.n).where(
            of_order(_line, order_id),
            _line.c.promise_state == PENDING,
            _line.c.quantity > _line.c.cancelled_quantity,
        )
    ).first()
    if waits is None:
        release(payment_key(order_id), by=by)


def _take_back_from(row: sa.RowMapping, units: int, asked: TakeBack, by: Actor) -> int:
    order_id, n = row["order_id"], row["line_n"]
    line = _lines(order_id)[n]
    rows = [each for each in _rows(order_id) if each["line_n"] == n]
    per_set = _per_set(line, rows)
    sets = min(-(-units // per_set[asked.variant_id]), line["allocated_quantity"])
    given: Counter[tuple[int, int, int, int]] = Counter()
    here = [
        row
        for row in rows
        if (row["variant_id"], row["location_id"]) == (asked.variant_id, asked.location_id)
    ]
    _spread(given, here, units)
    for variant_id, each_set in per_set.items():
        rest = each_set * sets - sum(gone for key, gone in given.items() if key[1] == variant_id)
        _spread(given, [each for each in reversed(rows) if each["variant_id"] == variant_id], rest)
    _lower(order_id, n, sets)
    db.session.execute(
        sa.update(_line).where(of_order(_line, order_id), _line.c.n == n).values(promise_state=SHORT)
    )
    _give_back(order_id, given, "deallocated", by, (asked.cause_kind, asked.cause_id))
    open_shortfall(order_id, n, sets, cause=asked.cause_kind, by=by)
    return min(units, sum(given[n, row["variant_id"], row["location_id"], row["slot"]] for row in here))
