"""Parcels: what leaves, in which of them, and when it arrived."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from portal.core import normalise
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.orders.allocation import take_units
from portal.orders.book import (
    change_order,
    insert_row,
    lines_of,
    lock_order,
    next_n,
    of_order,
    one_line,
    tell,
)
from portal.orders.models import OrderFulfilment, OrderFulfilmentLine, OrderLine

_line, _parcel = OrderLine.__table__, OrderFulfilment.__table__


def ship_lines(
    order_id: int,
    quantities: Mapping[int, int],
    *,
    carrier: str | None,
    tracking_number: str | None,
    by: Actor,
) -> int:
    """Send units of lines as one parcel; gives the parcel's number within the order.

    Args:
        quantities: units by line number; lines with 0 stay.

    Raises:
        DomainError: nothing is chosen, or more of a line than is left to send.
        ConflictError: the order is on hold, cancelled, or all sent; or units were never promised.
    """
    head = lock_order(order_id)
    if head["state"] != "open":
        raise ConflictError(f"The order is {head['state'].replace('_', ' ')}; nothing of it may leave.")
    lines = {line["n"]: line for line in lines_of(order_id)}
    chosen = {n: units for n, units in quantities.items() if units}
    _check_units(lines, chosen)
    parcel = next_n(_parcel, order_id)
    places = {lines[n]["location_id"] for n in chosen}
    insert_row(
        _parcel, order_id, n=parcel, state="shipped", method="ship",
        location_id=places.pop() if len(places) == 1 else None, carrier=one_line(carrier, 80) or None,
        tracking_number=one_line(tracking_number, 80) or None, tracking_key=normalise.tracking_key(tracking_number),
        shipped_at=utc_now(),
    )  # fmt: skip
    for n, units in chosen.items():
        insert_row(OrderFulfilmentLine.__table__, order_id, fulfilment_n=parcel, line_n=n, quantity=units)
    _take_from_stock(order_id, lines, chosen, by)
    _close_when_sent(order_id, lines, chosen)
    tell(order_id, "shipped", by, parcel=str(parcel), units=str(sum(chosen.values())))
    return parcel


def mark_delivered(order_id: int, parcel: int, *, by: Actor) -> None:
    """A parcel arrived. Saying so twice changes nothing."""
    lock_order(order_id)
    arrived = db.session.execute(
        sa.update(_parcel)
        .where(of_order(_parcel, order_id), _parcel.c.n == parcel, _parcel.c.state == "shipped")
        .values(state="delivered", delivered_at=utc_now())
    )
    if arrived.rowcount:  # type: ignore[attr-defined]
        tell(order_id, "delivered", by, parcel=str(parcel))


def _check_units(lines: Mapping[int, sa.RowMapping], chosen: Mapping[int, int]) -> None:
    if not chosen:
        raise DomainError("Enter how many units leave, for at least one line.", field="lines")
    for n, units in chosen.items():
        line = lines.get(n)
        left = (
            0 if line is None else line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"]
        )
        if line is None or units < 0 or units > left:
            raise DomainError(f"Line {n}: {left} are left to send.", field=f"line-{n}")
        if line["is_counted"] and units > line["allocated_quantity"]:
            raise ConflictError(
                f"{line['sku']}: only {line['allocated_quantity']} are promised to this order. Release its hold first."
            )


def _take_from_stock(
    order_id: int, lines: Mapping[int, sa.RowMapping], chosen: Mapping[int, int], by: Actor
) -> None:
    take_units(order_id, {n: units for n, units in chosen.items() if lines[n]["allocated_quantity"]}, by=by)
    for n, units in chosen.items():
        db.session.execute(
            sa.update(_line)
            .where(of_order(_line, order_id), _line.c.n == n)
            .values(fulfilled_quantity=_line.c.fulfilled_quantity + units)
        )


def _close_when_sent(order_id: int, lines: Mapping[int, sa.RowMapping], chosen: Mapping[int, int]) -> None:
    left = sum(
        line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"] - chosen.get(n, 0)
        for n, line in lines.items() if line["quantity"] > 0
    )  # fmt: skip
    if left:
        change_order(order_id, fulfilment_state="part_fulfilled")
    else:
        change_order(order_id, fulfilment_state="fulfilled", state="closed", closed_at=utc_now())
