"""Units leave the house: checked against what is left and promised, taken off the shelf, counted, the order closed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.orders.allocation import allocations_of, take_units
from portal.orders.book import change_order, lines_of, of_order
from portal.orders.models import OrderFulfilment, OrderFulfilmentLine, OrderLine

# Parcels that have not left: their units are set apart and can go with no other parcel.
SET_APART = ("pending", "picking", "packed", "ready")

_line = OrderLine.__table__
_parcel = OrderFulfilment.__table__
_content = OrderFulfilmentLine.__table__

Lines = Mapping[int, sa.RowMapping]


def set_apart(order_id: int, *, but: int | None = None) -> Counter[int]:
    """Units by line number that wait in parcels that have not left, other than parcel *but*."""
    rows = db.session.execute(
        sa.select(_content.c.line_n, sa.func.sum(_content.c.quantity))
        .join(
            _parcel,
            sa.and_(
                _parcel.c.merchant_id == _content.c.merchant_id,
                _parcel.c.order_id == _content.c.order_id,
                _parcel.c.n == _content.c.fulfilment_n,
            ),
        )
        .where(of_order(_content, order_id), _parcel.c.state.in_(SET_APART), _parcel.c.n != (but or 0))
        .group_by(_content.c.line_n)
    )
    return Counter({n: int(units) for n, units in rows})


def units_by_place(order_id: int) -> dict[int, dict[int, int]]:
    """Promised units of each line by location, in units of the line: of a bundle, as many as its components make."""
    lines = {line["n"]: line["allocated_quantity"] for line in lines_of(order_id)}
    held: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    for each in allocations_of(order_id):
        held[each.line_n][each.location_id, each.variant_id] += each.quantity
    found: dict[int, dict[int, int]] = {}
    for n, units in held.items():
        whole: Counter[int] = Counter()
        for (_, variant_id), quantity in units.items():
            whole[variant_id] += quantity
        places = {place for place, _ in units}
        sets = {
            place: min(
                units[place, variant_id] // max(quantity // max(lines[n], 1), 1)
                for variant_id, quantity in whole.items()
            )
            for place in places
        }
        found[n] = {place: quantity for place, quantity in sorted(sets.items()) if quantity}
    return found


def open_units(line: sa.RowMapping) -> int:
    """Units of a line that neither left nor were cancelled."""
    return int(max(line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"], 0))


def check_units(lines: Lines, chosen: Mapping[int, int], waiting: Mapping[int, int]) -> None:
    """Refuse more of a line than is left, or than is promised to the order.

    Args:
        waiting: units by line that are set apart in other parcels.

    Raises:
        DomainError: nothing is chosen, or too much of a line.
        ConflictError: units were never promised.
    """
    if not chosen:
        raise DomainError("Enter how many units leave, for at least one line.", field="lines")
    for n, units in chosen.items():
        line = lines.get(n)
        left = 0 if line is None else open_units(line) - waiting.get(n, 0)
        if line is None or units < 0 or units > left:
            raise DomainError(f"Line {n}: {left} are left to send.", field=f"line-{n}")
        promised = line["allocated_quantity"] - waiting.get(n, 0)
        if line["is_counted"] and units > promised:
            raise ConflictError(
                f"{line['sku']}: only {max(promised, 0)} are promised to this order. Release its hold first."
            )


def let_leave(
    order_id: int, lines: Lines, units: Mapping[int, int], *, location_id: int | None, by: Actor
) -> None:
    """Take the units off the shelf and count them as sent; an order that left whole is closed.

    Raises:
        ConflictError: fewer are promised (at the location).
    """
    counted = {n: quantity for n, quantity in units.items() if lines[n]["is_counted"]}
    if counted:
        take_units(order_id, counted, location_id=location_id, by=by)
    for n, quantity in units.items():
        db.session.execute(
            sa.update(_line)
            .where(of_order(_line, order_id), _line.c.n == n)
            .values(fulfilled_quantity=_line.c.fulfilled_quantity + quantity)
        )
    left = sum(open_units(line) - units.get(n, 0) for n, line in lines.items() if line["quantity"] > 0)
    if left:
        change_order(order_id, fulfilment_state="part_fulfilled")
    else:
        change_order(order_id, fulfilment_state="fulfilled", state="closed", closed_at=utc_now())
