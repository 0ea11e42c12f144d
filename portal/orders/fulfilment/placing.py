"""Bring the promise of a line to the place where its units shall leave, and see what each place could send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError
from portal.orders.book import lines_of, lock_order, of_order, tell
from portal.orders.fulfilment.leaving import open_units, set_apart, units_by_place
from portal.orders.models import OrderAllocation, OrderLine
from portal.stock.bundles import parts_of
from portal.stock.models import Location, StockLevel
from portal.stock.moving import InsufficientStockError, Move, apply_moves
from portal.stock.spreading import taken_from

_allocation: Final = OrderAllocation.__table__
_line: Final = OrderLine.__table__
_level: Final = StockLevel.__table__


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """What one place can send of a line: promised there, and free there besides."""

    n: int
    sku: str
    title: str
    left: int
    promised: int
    free: int

    @property
    def most(self) -> int:
        return min(self.left, self.promised + self.free)


@dataclass(frozen=True, slots=True)
class SendingPlace:
    """A location with what it can send of an order; without an id for lines that no stock is counted of."""

    id: int | None
    name: str
    lines: tuple[PlaceLine, ...]

    @property
    def promised(self) -> int:
        return sum(line.promised for line in self.lines)


def sending_places(order_id: int) -> Sequence[SendingPlace]:
    """The places an order can be sent from, the one with most of it promised first."""
    apart = set_apart(order_id)
    lines = [(line, left) for line in lines_of(order_id) if (left := open_units(line) - apart[line["n"]]) > 0]
    lines.sort(key=lambda each: each[0]["n"])
    lying, free = (
        units_by_place(order_id),
        _free([line["variant_id"] for line, _ in lines if line["is_counted"]]),
    )
    uncounted = tuple(
        PlaceLine(line["n"], line["sku"], line["title"], left, left, 0) for line, left in lines if not line["is_counted"]
    )  # fmt: skip
    places = []
    for place in _locations():
        here = [
            PlaceLine(
                line["n"], line["sku"], line["title"], left, max(lying.get(line["n"], {}).get(place.id, 0) - apart[line["n"]], 0),
                free.get((line["variant_id"], place.id), 0),
            )
            for line, left in lines if line["is_counted"]
        ]  # fmt: skip
        if any(each.most for each in here):
            places.append(SendingPlace(place.id, place.name, (*here, *uncounted)))
    places.sort(key=lambda place: -place.promised)
    return places or ([SendingPlace(None, "No location", uncounted)] if uncounted else [])


def bring_to(
    order_id: int, units_by_line: Mapping[int, int], location_id: int, *, keeps_others: bool = False, by: Actor
) -> None:  # fmt: skip
    """Have so many units of lines promised at a location.

    Args:
        units_by_line: units of each line that shall be promised there.
        keeps_others: what is promised elsewhere stays so; otherwise it gives way first.

    Raises:
        ConflictError: there are not enough free units there.
    """
    lock_order(order_id)
    lines = {line["n"]: line for line in lines_of(order_id)}
    for n, units in sorted(units_by_line.items()):
        line = lines.get(n)
        if line is not None and line["is_counted"] and units > 0:
            _bring(order_id, line, units, location_id, keeps_others, by)


def give_up_at(order_id: int, n: int, sets: int, location_id: int, *, by: Actor) -> None:
    """So many units of a line are not promised at a location any more; of a bundle, its components there."""
    line = next(each for each in lines_of(order_id) if each["n"] == n)
    parts = parts_of([line["variant_id"]]).get(line["variant_id"]) or {line["variant_id"]: 1}
    gone = min(sets, line["allocated_quantity"])
    _give_up(order_id, _rows_of(order_id, n), parts, gone, lambda place: place == location_id, by)
    db.session.execute(
        sa.update(_line)
        .where(of_order(_line, order_id), _line.c.n == n)
        .values(allocated_quantity=_line.c.allocated_quantity - gone)
    )


def _bring(
    order_id: int, line: sa.RowMapping, units: int, location_id: int, keeps_others: bool, by: Actor
) -> None:  # fmt: skip
    n, variant_id = line["n"], line["variant_id"]
    parts = parts_of([variant_id]).get(variant_id) or {variant_id: 1}
    rows = _rows_of(order_id, n)
    here = Counter(dict.fromkeys(parts, 0))
    for row in rows:
        if row["location_id"] == location_id:
            here[row["variant_id"]] += row["quantity"]
    there = min(here[part] // per for part, per in parts.items())
    moved = units - there
    if moved <= 0:
        return
    from_elsewhere = 0 if keeps_others else min(moved, line["allocated_quantity"] - there)
    _give_up(order_id, rows, parts, from_elsewhere, lambda place: place != location_id, by)
    try:
        _promise_here(
            order_id, n, {part: units * per - here[part] for part, per in parts.items()}, location_id, by
        )
    except InsufficientStockError as error:
        raise ConflictError(f"{line['sku']}: there are not {units} free at this location.") from error
    promised = line["allocated_quantity"] - from_elsewhere + moved
    db.session.execute(
        sa.update(_line)
        .where(of_order(_line, order_id), _line.c.n == n)
        .values(
            allocated_quantity=promised,
            location_id=location_id,
            promise_state="allocated" if promised >= open_units(line) else _line.c.promise_state,
        )
    )
    tell(order_id, "promise_moved", by, sku=line["sku"], units=str(moved))


def _rows_of(order_id: int, n: int) -> Sequence[sa.RowMapping]:
    return db.session.execute(
        sa.select(_allocation)
        .where(of_order(_allocation, order_id), _allocation.c.line_n == n)
        .order_by(_allocation.c.variant_id, _allocation.c.location_id, _allocation.c.slot)
        .with_for_update()
    ).mappings().all()  # fmt: skip


def _give_up(
    order_id: int, rows: Sequence[sa.RowMapping], parts: Mapping[int, int], sets: int, where: Callable[[int], bool], by: Actor
) -> None:  # fmt: skip
    left = {part: per * sets for part, per in parts.items()}
    moves = []
    for row in rows:
        gone = min(row["quantity"], left.get(row["variant_id"], 0))
        if not gone or not where(row["location_id"]):
            continue
        left[row["variant_id"]] -= gone
        own = sa.and_(
            of_order(_allocation, order_id),
            *(_allocation.c[name] == row[name] for name in ("line_n", "variant_id", "location_id", "slot")),
        )
        if gone == row["quantity"]:
            db.session.execute(sa.delete(_allocation).where(own))
        else:
            db.session.execute(
                sa.update(_allocation).where(own).values(quantity=_allocation.c.quantity - gone)
            )
        moves.append(
            Move(row["variant_id"], row["location_id"], "deallocated", allocated=-gone, slot=row["slot"], cause_kind="order",
                 cause_id=order_id)
        )  # fmt: skip
    apply_moves(moves, by=by)


def _promise_here(order_id: int, n: int, wanted: Mapping[int, int], location_id: int, by: Actor) -> None:
    chosen = [
        (part, slot, taken)
        for part, units in sorted(wanted.items()) if units > 0
        for slot, taken in taken_from(part, location_id, units, "available")
    ]  # fmt: skip
    apply_moves(
        [
            Move(part, location_id, "allocated", allocated=taken, slot=slot, cause_kind="order", cause_id=order_id)
            for part, slot, taken in chosen
        ],
        by=by,
    )  # fmt: skip
    for part, slot, taken in chosen:
        statement = postgresql.insert(_allocation).values(
            merchant_id=current_merchant_id(), order_id=order_id, line_n=n, variant_id=part, location_id=location_id, slot=slot,
            quantity=taken,
        )  # fmt: skip
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["merchant_id", "order_id", "line_n", "variant_id", "location_id", "slot"],
                set_={"quantity": _allocation.c.quantity + statement.excluded.quantity},
            )
        )


def _locations() -> Sequence[sa.Row[Any, Any]]:
    table = Location.__table__
    return db.session.execute(
        sa.select(table.c.id, table.c.name)
        .where(table.c.merchant_id == current_merchant_id(), table.c.is_active)
        .order_by(table.c.position, table.c.name, table.c.id)
    ).all()  # fmt: skip


def _free(variant_ids: Sequence[int]) -> dict[tuple[int, int], int]:
    """Free units of each variant at each place; of a bundle, as many as its components make there."""
    bundles = parts_of(variant_ids)
    needed = {part for variant_id in variant_ids for part in bundles.get(variant_id, {variant_id: 1})}
    units: Counter[tuple[int, int]] = Counter()
    free = _level.c.on_hand - _level.c.allocated - _level.c.reserved - _level.c.unavailable
    rows = db.session.execute(
        sa.select(_level.c.variant_id, _level.c.location_id, sa.func.sum(free).label("free"))
        .where(_level.c.merchant_id == current_merchant_id(), _level.c.variant_id.in_(needed))
        .group_by(_level.c.variant_id, _level.c.location_id)
    )
    for row in rows:
        units[row.variant_id, row.location_id] = max(int(row.free), 0)
    places = {place for _, place in units}
    return {
        (variant_id, place): min(
            units[part, place] // per for part, per in bundles.get(variant_id, {variant_id: 1}).items()
        )
        for variant_id in set(variant_ids)
        for place in places
    }
