"""Make a pick list, scan what is fetched, say what is missing, and end with packed parcels.

A list holds a parcel of each order that is being picked. Whoever changes a list holds its row first, so two scanners on
one list count each unit once; a scan carries a token and counts once, however often the phone sends it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.orders.book import change_order, lines_of, lock_order, of_order, tell
from portal.orders.fulfilment.leaving import set_apart, units_by_place
from portal.orders.fulfilment.parcels import contents_of, move_parcel, plan_parcel
from portal.orders.fulfilment.placing import give_up_at
from portal.orders.models import (
    Order,
    OrderFulfilmentLine,
    OrderLine,
    PickLine,
    PickList,
)
from portal.orders.picking.queries import oldest_to_pick
from portal.orders.picking.scans import is_first
from portal.orders.shortfalls.services import open_shortfall
from portal.stock.bundles import parts_of
from portal.stock.models import Location
from portal.stock.moving import Move, apply_moves
from portal.stock.papers import take_number
from portal.stock.scanning import Scanned, scanned_variant
from portal.stock.spreading import taken_from

MOST_ORDERS: Final = 100

_list, _line = PickList.__table__, PickLine.__table__
_order, _content = Order.__table__, OrderFulfilmentLine.__table__


@dataclass(frozen=True, slots=True)
class Picked:
    """What a scan came to: the variant, units picked and wanted of it on the list, and the orders it goes to."""

    found: Scanned
    picked: int
    wanted: int
    numbers: tuple[str, ...]
    is_new: bool


def make_pick_list(location_id: int, *, most: int, with_unpaid: bool = False, by: Actor) -> PickList:
    """A list of the oldest orders that can be picked at a location; their units are set apart for it.

    Args:
        most: how many orders at most.
        with_unpaid: also orders that nobody has paid for.

    Raises:
        DomainError: the number is not from 1 to 100, or the location is not in use.
        ConflictError: nothing can be picked there.
    """
    if not 1 <= most <= MOST_ORDERS:
        raise DomainError(f"Choose 1 to {MOST_ORDERS} orders.", field="most")
    if db.session.scalar(sa.select(Location.is_active).where(Location.id == location_id)) is not True:
        raise DomainError("This location is not in use any more.", field="location_id")
    made = PickList(
        number=take_number("pick_list"), location_id=location_id, made_by=by.id if by.kind == "user" else None
    )
    db.session.add(made)
    db.session.flush()
    rows: list[dict[str, Any]] = []
    count = 0
    for order_id in oldest_to_pick(location_id, most=most, with_unpaid=with_unpaid):
        try:
            with db.session.begin_nested():
                rows += _take_order(order_id, location_id, made.id, by)
        except DomainError:
            continue
        count += 1
    if not rows:
        raise ConflictError("No order can be picked there now. Someone may have just made a list of them.")
    rows.sort(key=lambda row: (row["sku"], row["order_id"], row["line_n"]))
    db.session.execute(
        sa.insert(_line),
        [{"merchant_id": current_merchant_id(), "n": n, **row} for n, row in enumerate(rows, 1)],
    )
    made.order_count, made.wanted = count, sum(row["wanted"] for row in rows)
    db.session.flush()
    audit.record(
        action="pick_list.made", by=by, subject=("pick_list", made.id), after={"orders": count, "units": made.wanted}
    )  # fmt: skip
    return made


def scan(list_id: int, code: str, units: int, *, token: uuid.UUID, by: Actor) -> Picked:
    """Units of what was scanned are picked; the same *token* counts once.

    Raises:
        DomainError: it is a wrong item, more than is wanted, or the token came with another scan; nothing is counted.
        ConflictError: the list is done or cancelled.
    """
    _open_list(list_id)
    found = scanned_variant(code)
    lines = _lines_of_variant(list_id, found.variant_id)
    is_new = is_first(list_id, token, code, units, "picked", by=by)
    if is_new:
        if not lines:
            raise DomainError(f"{found.sku} is not on this list. Put it back.", field="code")
        left = sum(line["wanted"] - line["picked"] - line["short"] for line in lines)
        if not left:
            raise DomainError(f"All of {found.sku} are picked already. Put this one back.", field="code")
        if units > left:
            raise DomainError(f"Only {left} of {found.sku} are still wanted.", field="units")
        numbers = _count(list_id, lines, units)
    else:
        numbers = ()
    lines = _lines_of_variant(list_id, found.variant_id)
    return Picked(
        found, sum(line["picked"] for line in lines), sum(line["wanted"] - line["short"] for line in lines), numbers, is_new
    )  # fmt: skip


def put_back(list_id: int, n: int, *, token: uuid.UUID, by: Actor) -> None:
    """A unit of a line that was scanned was not fetched, or went back to its shelf. The same *token* counts once.

    Raises:
        ConflictError: nothing of the line is picked, or the list is done.
        DomainError: the token came with a scan.
    """
    _open_list(list_id)
    line = _line_of(list_id, n)
    if not is_first(list_id, token, line["sku"], 1, "put_back", by=by):
        return
    if not line["picked"]:
        raise ConflictError(f"Nothing of {line['sku']} is picked any more. See how the list stands now.")
    db.session.execute(sa.update(_line).where(*_key(list_id, n)).values(picked=_line.c.picked - 1))


def report_short(list_id: int, n: int, *, by: Actor) -> int:
    """What is still wanted of a line is not on the shelf: it is set aside as not found, and the order gets a shortfall.

    Gives the units.

    Raises:
        ConflictError: nothing is wanted of the line any more, or the list is done.
    """
    made = _open_list(list_id)
    line = _line_of(list_id, n)
    missing = line["wanted"] - line["picked"] - line["short"]
    if missing < 1:
        raise ConflictError("Nothing is wanted of this line any more. See how the list stands now.")
    order_id, line_n = line["order_id"], line["line_n"]
    lock_order(order_id)
    per = _per_set(order_id, line_n, line["variant_id"])
    sets = min(-(-missing // per), contents_of(order_id, line["fulfilment_n"]).get(line_n, 0))
    db.session.execute(sa.update(_line).where(*_key(list_id, n)).values(short=_line.c.short + missing))
    if sets:
        _take_out(order_id, line["fulfilment_n"], line_n, sets)
        give_up_at(order_id, line_n, sets, made.location_id, by=by)
        open_shortfall(order_id, line_n, sets, cause="pick", by=by)
        ordered = OrderLine.__table__
        db.session.execute(
            sa.update(ordered)
            .where(of_order(ordered, order_id), ordered.c.n == line_n)
            .values(promise_state="short")
        )
    _set_aside(line["variant_id"], made.location_id, missing, order_id, by)
    change_order(order_id)
    tell(order_id, "pick_short", by, sku=line["sku"], units=str(missing))
    return int(missing)


def finish(list_id: int, *, by: Actor) -> tuple[int, list[str]]:
    """Every parcel whose units are all here is packed; gives how many, and the numbers of orders that may not leave any more.

    Raises:
        ConflictError: units are neither picked nor said to be missing, or the list is done already.
    """
    made = _open_list(list_id)
    lines = _all_lines(list_id)
    left = sum(line["wanted"] - line["picked"] - line["short"] for line in lines)
    if left:
        raise ConflictError(
            f"{left} units are neither picked nor missing. Pick them, or say that they are missing."
        )
    packed, stopped = 0, []
    for order_id, parcel in sorted({(line["order_id"], line["fulfilment_n"]) for line in lines}):
        head = lock_order(order_id)
        is_full = bool(contents_of(order_id, parcel)) and head["state"] in ("open", "on_hold")
        try:
            move_parcel(
                order_id,
                parcel,
                "packed" if is_full else "cancelled",
                {"picking"},
                **({"packed_at": utc_now()} if is_full else {}),
            )
        except ConflictError:
            stopped.append(head["number"])
            continue
        change_order(order_id)
        tell(order_id, "packed" if is_full else "parcel_undone", by, parcel=str(parcel))
        packed += is_full
        if head["state"] != "open":
            stopped.append(head["number"])
    made.state, made.done_at = "done", utc_now()
    db.session.flush()
    audit.record(action="pick_list.done", by=by, subject=("pick_list", list_id), after={"packed": packed})
    return packed, stopped


def cancel_list(list_id: int, *, by: Actor) -> None:
    """Give the list up: what was fetched goes back to its shelf, the orders wait for another list.

    Raises:
        ConflictError: it is done or cancelled already.
    """
    made = _open_list(list_id)
    for order_id, parcel in sorted(
        {(line["order_id"], line["fulfilment_n"]) for line in _all_lines(list_id)}
    ):
        lock_order(order_id)
        try:
            move_parcel(order_id, parcel, "cancelled", {"picking"})
        except ConflictError:
            continue
        change_order(order_id)
        tell(order_id, "parcel_undone", by, parcel=str(parcel))
    made.state = "cancelled"
    db.session.flush()
    audit.record(action="pick_list.cancelled", by=by, subject=("pick_list", list_id))


def list_of(list_id: int) -> PickList:
    """A pick list of the merchant.

    Raises:
        NotFoundError: there is none.
    """
    found = db.session.get(PickList, (current_merchant_id(), list_id))
    if found is None:
        raise NotFoundError("There is no such pick list.")
    return found


def _take_order(order_id: int, location_id: int, list_id: int, by: Actor) -> list[dict[str, Any]]:
    head = lock_order(order_id)
    apart = set_apart(order_id)
    lines = {line["n"]: line for line in lines_of(order_id)}
    lying = units_by_place(order_id)
    units = {
        n: there
        for n, places in lying.items()
        if (there := min(places.get(location_id, 0), lines[n]["allocated_quantity"] - apart[n])) > 0
    }
    method = "collect" if head["delivery"] == "collect" else "ship"
    parcel = plan_parcel(order_id, units, method=method, location_id=location_id, pick_list_id=list_id, by=by)
    bundles = parts_of([lines[n]["variant_id"] for n in units])
    names = _skus({part for n in units for part in bundles.get(lines[n]["variant_id"], {})})
    return [
        {
            "pick_list_id": list_id, "order_id": order_id, "fulfilment_n": parcel, "line_n": n, "variant_id": part,
            "sku": names.get(part, lines[n]["sku"]), "title": lines[n]["title"], "wanted": quantity * per,
        }
        for n, quantity in units.items()
        for part, per in bundles.get(lines[n]["variant_id"], {lines[n]["variant_id"]: 1}).items()
    ]  # fmt: skip


def _skus(variant_ids: set[int]) -> dict[int, str]:
    if not variant_ids:
        return {}
    rows = db.session.execute(sa.select(Variant.id, Variant.sku).where(Variant.id.in_(variant_ids)))
    return {row.id: row.sku for row in rows}


def _count(list_id: int, lines: Sequence[sa.RowMapping], units: int) -> tuple[str, ...]:
    numbers: dict[int, None] = {}
    for line in lines:
        taken = min(units, line["wanted"] - line["picked"] - line["short"])
        if taken < 1:
            continue
        db.session.execute(
            sa.update(_line).where(*_key(list_id, line["n"])).values(picked=_line.c.picked + taken)
        )
        numbers[line["order_id"]] = None
        units -= taken
    rows = db.session.execute(
        sa.select(_order.c.number).where(
            _order.c.merchant_id == current_merchant_id(), _order.c.id.in_(list(numbers))
        )
    )
    return tuple(row.number for row in rows)


def _take_out(order_id: int, parcel: int, line_n: int, sets: int) -> None:
    own = (of_order(_content, order_id), _content.c.fulfilment_n == parcel, _content.c.line_n == line_n)
    gone = db.session.execute(
        sa.delete(_content).where(*own, _content.c.quantity <= sets).returning(_content.c.line_n)
    ).first()
    if gone is None:
        db.session.execute(sa.update(_content).where(*own).values(quantity=_content.c.quantity - sets))


def _per_set(order_id: int, line_n: int, variant_id: int) -> int:
    line = next(each for each in lines_of(order_id) if each["n"] == line_n)
    return parts_of([line["variant_id"]]).get(line["variant_id"], {}).get(variant_id, 1)


def _set_aside(variant_id: int, location_id: int, units: int, order_id: int, by: Actor) -> None:
    """Units nobody found are not for sale until someone has counted; as many as the books still show free."""
    free = Counter(dict(taken_from(variant_id, location_id, units, "available")))
    moves = [
        Move(variant_id, location_id, "quarantined", unavailable=taken, unavailable_kind="quarantine", slot=slot,
             cause_kind="order", cause_id=order_id, note="Not found while picking")
        for slot, taken in free.items()
    ]  # fmt: skip
    try:
        with db.session.begin_nested():
            apply_moves(moves, by=by)
    except ConflictError:
        # Somebody was promised them in between; their pick will find the same.
        return


def _open_list(list_id: int) -> PickList:
    found = db.session.scalars(
        sa.select(PickList).where(PickList.id == list_id).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such pick list.")
    if found.state != "open":
        raise ConflictError(f"This pick list is {found.state} already.")
    return found


def _lines_of_variant(list_id: int, variant_id: int) -> Sequence[sa.RowMapping]:
    return db.session.execute(
        sa.select(_line)
        .where(
            _line.c.merchant_id == current_merchant_id(),
            _line.c.pick_list_id == list_id,
            _line.c.variant_id == variant_id,
        )
        .order_by(_line.c.n)
    ).mappings().all()  # fmt: skip


def _all_lines(list_id: int) -> Sequence[sa.RowMapping]:
    return db.session.execute(
        sa.select(_line)
        .where(_line.c.merchant_id == current_merchant_id(), _line.c.pick_list_id == list_id)
        .order_by(_line.c.n)
    ).mappings().all()  # fmt: skip


def _line_of(list_id: int, n: int) -> sa.RowMapping:
    found = (
        db.session.execute(sa.select(_line).where(*_key(list_id, n)).with_for_update())
        .mappings()
        .one_or_none()
    )
    if found is None:
        raise NotFoundError("This line is not on the list.")
    return found


def _key(list_id: int, n: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _line.c.merchant_id == current_merchant_id(),
        _line.c.pick_list_id == list_id,
        _line.c.n == n,
    )
