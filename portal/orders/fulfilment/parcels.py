"""Parcels: planned, packed, sent, delivered. A parcel that has not left can be undone.

Every act holds the order first and then looks at the parcel's state, so two people at one parcel, or one who clicks
twice, move it once; the second is told how it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import sqlalchemy as sa

from portal.core import normalise
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, NotFoundError
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
from portal.orders.fulfilment.carriers import checked_link
from portal.orders.fulfilment.leaving import (
    SET_APART,
    check_units,
    let_leave,
    open_units,
    set_apart,
    units_by_place,
)
from portal.orders.models import OrderFulfilment, OrderFulfilmentLine

WORDS: Final = {
    "pending": "planned", "picking": "being picked", "packed": "packed", "ready": "ready to collect", "shipped": "sent",
    "delivered": "delivered", "collected": "collected", "uncollected": "not collected", "cancelled": "undone",
}  # fmt: skip

_parcel = OrderFulfilment.__table__
_content = OrderFulfilmentLine.__table__


def ship_lines(
    order_id: int,
    quantities: Mapping[int, int],
    *,
    carrier: str | None,
    tracking_number: str | None,
    tracking_url: str | None = None,
    location_id: int | None = None,
    by: Actor,
) -> int:
    """Send units of lines as one parcel; gives the parcel's number within the order.

    Args:
        quantities: units by line number; lines with 0 stay.
        tracking_url: where the parcel can be followed, when the carrier's page is not known.
        location_id: the place it leaves from; wherever the units are promised when None.

    Raises:
        DomainError: nothing is chosen, or more of a line than is left to send.
        ConflictError: the order is on hold, cancelled, or all sent; or units were never promised (there).
    """
    n = plan_parcel(order_id, quantities, location_id=location_id, by=by, is_told=False)
    send_parcel(
        order_id, n, carrier=carrier, tracking_number=tracking_number, tracking_url=tracking_url, by=by
    )
    return n


def plan_parcel(
    order_id: int,
    quantities: Mapping[int, int],
    *,
    method: str = "ship",
    location_id: int | None = None,
    pick_list_id: int | None = None,
    by: Actor,
    is_told: bool = True,
) -> int:
    """Set units of lines apart for a parcel of their own, which is how an order is split; gives its number.

    Raises:
        DomainError: nothing is chosen, or more of a line than is left.
        ConflictError: the order is not open, or units were never promised (there).
    """
    head = lock_order(order_id)
    if head["state"] != "open":
        raise ConflictError(f"The order is {head['state'].replace('_', ' ')}; nothing of it may leave.")
    lines = {line["n"]: line for line in lines_of(order_id)}
    chosen = {n: units for n, units in quantities.items() if units}
    check_units(lines, chosen, set_apart(order_id))
    place = _place(order_id, lines, chosen, location_id)
    n = next_n(_parcel, order_id)
    insert_row(
        _parcel, order_id, n=n, state="picking" if pick_list_id else "pending", method=method, location_id=place,
        pick_list_id=pick_list_id,
    )  # fmt: skip
    for line_n, units in chosen.items():
        insert_row(_content, order_id, fulfilment_n=n, line_n=line_n, quantity=units)
    if is_told:
        change_order(order_id)
        tell(order_id, "parcel_planned", by, parcel=str(n), units=str(sum(chosen.values())))
    return n


def pack_parcel(order_id: int, n: int, *, by: Actor) -> None:
    """The goods are in the box."""
    lock_order(order_id)
    move_parcel(order_id, n, "packed", {"pending", "picking"}, packed_at=utc_now())
    change_order(order_id)
    tell(order_id, "packed", by, parcel=str(n))


def send_parcel(
    order_id: int, n: int, *, carrier: str | None, tracking_number: str | None, tracking_url: str | None = None,
    shipment_id: int | None = None, by: Actor,
) -> None:  # fmt: skip
    """A planned or packed parcel leaves: its units are sold.

    Raises:
        ConflictError: it left already or was undone, the order is not open, or units lie elsewhere.
    """
    head = lock_order(order_id)
    if head["state"] != "open":
        raise ConflictError(f"The order is {head['state'].replace('_', ' ')}; nothing of it may leave.")
    row = parcel_of(order_id, n)
    if row["shipment_id"] is not None and row["shipment_id"] != shipment_id:
        raise ConflictError(
            "This parcel travels with others. Send the combined shipment, or take it out first."
        )
    if row["label_state"] == "void":
        raise ConflictError("The label of this parcel was voided. Print the new one first.")
    move_parcel(
        order_id, n, "shipped", {"pending", "picking", "packed"}, shipped_at=utc_now(),
        **_tracking(carrier, tracking_number, tracking_url),
    )  # fmt: skip
    units = contents_of(order_id, n)
    lines = {line["n"]: line for line in lines_of(order_id)}
    check_units(lines, units, set_apart(order_id, but=n))
    let_leave(order_id, lines, units, location_id=row["location_id"], by=by)
    tell(order_id, "shipped", by, parcel=str(n), units=str(sum(units.values())))


def undo_parcel(order_id: int, n: int, *, by: Actor) -> None:
    """Take a parcel apart that has not left; its units stay promised to the order.

    Raises:
        ConflictError: it left already, or travels with others.
    """
    lock_order(order_id)
    if parcel_of(order_id, n)["shipment_id"] is not None:
        raise ConflictError("This parcel travels with others. Take it out of the combined shipment first.")
    move_parcel(order_id, n, "cancelled", set(SET_APART), pickup_code=None, collect_by=None)
    change_order(order_id)
    tell(order_id, "parcel_undone", by, parcel=str(n))


def undo_what_is_gone(order_id: int, *, by: Actor) -> None:
    """Parcels that have not left and hold more of a line than is still to be sent are undone: the order was cut down."""
    head = lock_order(order_id)
    apart = set_apart(order_id)
    left = {line["n"]: open_units(line) for line in lines_of(order_id)}
    too_many = {n for n, units in apart.items() if units > left.get(n, 0)}
    if not too_many:
        return
    waiting = db.session.execute(
        sa.select(_parcel.c.n)
        .join(
            _content,
            sa.and_(
                _content.c.merchant_id == _parcel.c.merchant_id,
                _content.c.order_id == _parcel.c.order_id,
                _content.c.fulfilment_n == _parcel.c.n,
            ),
        )
        .where(of_order(_parcel, order_id), _parcel.c.state.in_(SET_APART), _content.c.line_n.in_(too_many))
        .distinct()
    )
    for row in waiting.all():
        move_parcel(
            order_id, row.n, "cancelled", set(SET_APART), pickup_code=None, collect_by=None, shipment_id=None
        )
        tell(order_id, "parcel_undone", by, parcel=str(row.n))
    change_order(order_id, state=head["state"])


def mark_delivered(order_id: int, n: int, *, by: Actor) -> None:
    """A parcel arrived. Saying so twice changes nothing."""
    lock_order(order_id)
    arrived = db.session.execute(
        sa.update(_parcel)
        .where(of_order(_parcel, order_id), _parcel.c.n == n, _parcel.c.state == "shipped")
        .values(state="delivered", delivered_at=utc_now())
        .returning(_parcel.c.n)
    ).first()
    if arrived:
        change_order(order_id)
        tell(order_id, "delivered", by, parcel=str(n))


def correct_tracking(
    order_id: int, n: int, *, carrier: str | None, tracking_number: str | None, tracking_url: str | None, by: Actor
) -> None:  # fmt: skip
    """Write another carrier or number on a parcel that left."""
    lock_order(order_id)
    if parcel_of(order_id, n)["state"] not in ("shipped", "delivered"):
        raise ConflictError("Only a parcel that was sent has a tracking number.")
    db.session.execute(
        sa.update(_parcel)
        .where(of_order(_parcel, order_id), _parcel.c.n == n)
        .values(**_tracking(carrier, tracking_number, tracking_url))
    )
    change_order(order_id)
    tell(order_id, "tracking_corrected", by, parcel=str(n))


def parcel_of(order_id: int, n: int) -> sa.RowMapping:
    """A parcel of the order.

    Raises:
        NotFoundError: the order has none of that number.
    """
    found = (
        db.session.execute(sa.select(_parcel).where(of_order(_parcel, order_id), _parcel.c.n == n))
        .mappings()
        .one_or_none()
    )
    if found is None:
        raise NotFoundError("The order has no such parcel.")
    return found


def contents_of(order_id: int, n: int) -> dict[int, int]:
    """Units by line number in a parcel."""
    rows = db.session.execute(
        sa.select(_content.c.line_n, _content.c.quantity).where(
            of_order(_content, order_id), _content.c.fulfilment_n == n
        )
    )
    return {row.line_n: row.quantity for row in rows}


def move_parcel(order_id: int, n: int, state: str, since: Collection[str], **values: Any) -> None:
    """Bring a parcel into *state* if it stands in one of *since*; the order is held by the caller.

    Raises:
        NotFoundError: the order has no such parcel.
        ConflictError: it stands elsewhere.
    """
    moved = db.session.execute(
        sa.update(_parcel)
        .where(of_order(_parcel, order_id), _parcel.c.n == n, _parcel.c.state.in_(since))
        .values(state=state, **values)
        .returning(_parcel.c.n)
    ).first()
    if moved is None:
        stands = parcel_of(order_id, n)["state"]
        raise ConflictError(f"This parcel is {WORDS[stands]} already. See how it stands now.")


def _place(
    order_id: int, lines: Mapping[int, sa.RowMapping], chosen: Mapping[int, int], wanted: int | None
) -> int | None:
    """Where the parcel leaves from: the place that was asked for, or the only one where its units lie."""
    lying = units_by_place(order_id)
    counted = [n for n in chosen if lines[n]["is_counted"]]
    if wanted is None:
        places = {place for n in counted for place in lying.get(n, {})}
        return places.pop() if len(places) == 1 else None
    for n in counted:
        there = lying.get(n, {}).get(wanted, 0)
        if chosen[n] > there:
            raise ConflictError(f"{lines[n]['sku']}: {there} lie at this location for this order.")
    return wanted


def _tracking(carrier: str | None, number: str | None, url: str | None) -> dict[str, Any]:
    return {
        "carrier": one_line(carrier, 80) or None,
        "tracking_number": one_line(number, 80) or None,
        "tracking_key": normalise.tracking_key(number),
        "tracking_url": checked_link(url),
    }
