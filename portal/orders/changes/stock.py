"""The units a change moves: promises given back, goods that came back, new units promised."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.orders.allocation import SHORT, allocate_order, allocations_of, release_lines
from portal.orders.book import of_order
from portal.orders.changes.order_now import LineNow
from portal.orders.changes.parts import Part
from portal.orders.changes.plan import Plan
from portal.orders.models import OrderLine
from portal.stock.bundles import parts_of
from portal.stock.models import Location
from portal.stock.services import Move, apply_moves

_line = OrderLine.__table__


def move_stock(plan: Plan, *, by: Actor) -> None:
    """Give back what is promised and not wanted any more, put away what came back, promise what was added.

    Call it when lines and head are written: what to promise is read from them.

    Raises:
        ConflictError: there is too little of something that was added.
        DomainError: no location can take what came back.
    """
    give_back(plan, by=by)
    put_away(plan, by=by)
    grown = {part.n for part in plan.lines if part.added_units} | {each.n for each in plan.added}
    if grown:
        promise(plan.now.order_id, grown, by=by)


def give_back(plan: Plan, *, by: Actor) -> None:
    """Release the promises of cancelled units: back on sale, or kept apart when they are not fit for it."""
    order_id = plan.now.order_id
    released = {part.n: part for part in plan.lines if part.cancelled_units > 0}
    if not released:
        return
    kept_apart = {n for n, part in released.items() if part.fate == "quarantine"}
    before = _levels(order_id, kept_apart) if kept_apart else Counter()
    release_lines(order_id, {n: part.released_units for n, part in released.items()}, by=by)
    gone = [n for n, part in released.items() if not _line_of(plan, part).unsent - part.cancelled_units]
    db.session.execute(
        sa.update(_line).where(of_order(_line, order_id), _line.c.n.in_(gone)).values(promise_state="none")
    )
    if kept_apart:
        before.subtract(_levels(order_id, kept_apart))
        apply_moves(
            [
                Move(variant_id, place, "quarantined", unavailable=units, unavailable_kind="quarantine", slot=slot,
                     cause_kind="order", cause_id=order_id)
                for (variant_id, place, slot), units in before.items()
            ],
            by=by,
        )  # fmt: skip


def put_away(plan: Plan, *, by: Actor) -> None:
    """Book units that came back with this change: on sale, kept apart, or written off."""
    moves: list[Move] = []
    for part in plan.lines:
        line = _line_of(plan, part)
        if part.back_units and line.variant_id is not None and line.is_counted:
            place = part.location_id or line.location_id or first_location()
            moves += back_moves(
                line.variant_id, place, part.back_units, part.fate or "sale", plan.now.order_id
            )
    apply_moves(moves, by=by)


def back_moves(variant_id: int, location_id: int, units: int, fate: str, order_id: int) -> list[Move]:
    """The movements of units that came back, by what becomes of them; of a bundle, its components come back."""
    parts = parts_of([variant_id]).get(variant_id) or {variant_id: 1}
    moves: list[Move] = []
    for part_id, per_unit in parts.items():
        count = units * per_unit
        came = Move(part_id, location_id, "returned", on_hand=count, cause_kind="order", cause_id=order_id)
        moves.append(came)
        if fate == "quarantine":
            moves.append(
                replace(came, kind="quarantined", on_hand=0, unavailable=count, unavailable_kind="quarantine")
            )
        elif fate == "write_off":
            moves.append(replace(came, kind="written_off", on_hand=-count))
    return moves


def promise(order_id: int, lines: set[int], *, by: Actor) -> None:
    """Promise every unit of the order that is not promised yet.

    Raises:
        ConflictError: there is too little for one of *lines*, and nothing to wait for.
    """
    short = [each for each in allocate_order(order_id, by=by) if each.state == SHORT and each.line_n in lines]
    if short:
        skus = ", ".join(sorted({each.sku for each in short}))
        raise ConflictError(
            f"There is not enough stock of {skus}. Someone may have bought it since you looked."
        )


def first_location() -> int:
    """Where goods go that left from no shelf of ours.

    Raises:
        DomainError: the merchant has no active location.
    """
    location = Location.__table__
    found = db.session.execute(
        sa.select(location.c.id)
        .where(location.c.merchant_id == current_merchant_id(), location.c.is_active)
        .order_by(location.c.position, location.c.id)
        .limit(1)
    ).scalar_one_or_none()
    if found is None:
        raise DomainError("There is no location that could take these units. Add one first.")
    return int(found)


def _levels(order_id: int, lines: set[int]) -> Counter[tuple[int, int, int]]:
    units: Counter[tuple[int, int, int]] = Counter()
    for each in allocations_of(order_id):
        if each.line_n in lines:
            units[each.variant_id, each.location_id, each.slot] += each.quantity
    return units


def _line_of(plan: Plan, part: Part) -> LineNow:
    line = plan.now.line(part.n)
    assert line is not None
    return line
