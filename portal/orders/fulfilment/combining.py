"""Parcels of several orders of one customer to one address travel as one shipment, until it leaves or is undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.core import audit, normalise
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.orders.book import change_order, lines_of, lock_order, of_order, tell
from portal.orders.fulfilment.leaving import SET_APART, open_units, set_apart
from portal.orders.fulfilment.parcels import parcel_of, plan_parcel, send_parcel
from portal.orders.models import CombinedShipment, Order, OrderContact, OrderFulfilment

MOST_ORDERS: Final = 20
FIELDS: Final = ("name", "company", "line1", "line2", "postcode", "city", "country_code")

_order, _contact, _parcel = Order.__table__, OrderContact.__table__, OrderFulfilment.__table__
_shipment = CombinedShipment.__table__


def orders_to_combine_with(order_id: int) -> Sequence[dict[str, Any]]:
    """Other open orders that go to the same person at the same address and have something left to send."""
    address = _addresses([order_id]).get(order_id)
    head = _heads([order_id]).get(order_id)
    if address is None or head is None or head["state"] != "open" or head["delivery"] != "ship":
        return []
    postcode = normalise.postcode_key(address[FIELDS.index("postcode")] or None)
    candidates = list(
        db.session.scalars(
            sa.select(_contact.c.order_id)
            .join(
                _order,
                sa.and_(_order.c.merchant_id == _contact.c.merchant_id, _order.c.id == _contact.c.order_id),
            )
            .where(
                _contact.c.merchant_id == current_merchant_id(),
                _contact.c.postcode_key == postcode,
                _contact.c.kind.in_(("shipping", "buyer")),
                _contact.c.order_id != order_id,
                _order.c.state == "open",
                _order.c.delivery == "ship",
                _order.c.fulfilment_state.in_(("unfulfilled", "part_fulfilled")),
            )
            .order_by(_contact.c.order_id.desc())
            .limit(200)
        )
    )
    same = [each for each, found in _addresses(candidates).items() if found == address]
    heads = _heads(same)
    return [
        {"order_id": each, "number": heads[each]["number"], "placed_at": heads[each]["placed_at"]}
        for each in sorted(same)
        if heads[each]["customer_id"] == head["customer_id"] or None in (heads[each]["customer_id"], head["customer_id"])
    ][:MOST_ORDERS]  # fmt: skip


def combine(order_ids: Sequence[int], *, by: Actor) -> int:
    """Set everything apart that is left of the orders and let it travel together; gives the shipment's id.

    Raises:
        DomainError: fewer than two orders, or too many.
        ConflictError: they do not go to one person at one address, or one of them has nothing to send.
    """
    chosen = sorted(set(order_ids))
    if not 2 <= len(chosen) <= MOST_ORDERS:
        raise DomainError(f"Choose two to {MOST_ORDERS} orders.", field="orders")
    heads = {order_id: lock_order(order_id) for order_id in chosen}
    if any(head["delivery"] != "ship" for head in heads.values()):
        raise ConflictError("One of these orders is collected by its buyer, so it travels with no other.")
    if len(set(_addresses(chosen).values())) != 1 or len(_addresses(chosen)) != len(chosen):
        raise ConflictError("These orders do not go to one person at one address.")
    shipment = CombinedShipment()
    db.session.add(shipment)
    db.session.flush()
    for order_id in chosen:
        n = _parcel_to_join(order_id, by)
        db.session.execute(
            sa.update(_parcel)
            .where(of_order(_parcel, order_id), _parcel.c.n == n)
            .values(shipment_id=shipment.id)
        )
        change_order(order_id)
        others = [heads[each]["number"] for each in chosen if each != order_id]
        tell(order_id, "combined", by, parcel=str(n), shipment=str(shipment.id), orders=", ".join(others))
    audit.record(
        action="shipment.combined", by=by, subject=("combined_shipment", shipment.id), after={"orders": [str(each) for each in chosen]}
    )  # fmt: skip
    return shipment.id


def undo_combination(shipment_id: int, *, by: Actor) -> None:
    """The parcels travel alone again; they stay planned.

    Raises:
        ConflictError: the shipment left, or was undone already.
    """
    parts = parts_of_shipment(shipment_id)
    for part in parts:
        lock_order(part["order_id"])
    _move(shipment_id, "undone")
    for part in parts:
        db.session.execute(
            sa.update(_parcel)
            .where(of_order(_parcel, part["order_id"]), _parcel.c.n == part["n"])
            .values(shipment_id=None)
        )
        change_order(part["order_id"])
        tell(part["order_id"], "combination_undone", by, parcel=str(part["n"]))
    audit.record(action="shipment.undone", by=by, subject=("combined_shipment", shipment_id))


def dispatch_combination(
    shipment_id: int, *, carrier: str | None, tracking_number: str | None, tracking_url: str | None = None, by: Actor
) -> Sequence[int]:  # fmt: skip
    """Everything leaves under one tracking number, or nothing does; gives the orders.

    Raises:
        ConflictError: it left or was undone already, or one of the orders may not leave.
    """
    parts = parts_of_shipment(shipment_id)
    for part in parts:
        lock_order(part["order_id"])
    _move(shipment_id, "dispatched")
    for part in parts:
        try:
            send_parcel(
                part["order_id"], part["n"], carrier=carrier, tracking_number=tracking_number, tracking_url=tracking_url,
                shipment_id=shipment_id, by=by,
            )  # fmt: skip
        except ConflictError as error:
            raise ConflictError(f"Order {part['number']}: {error.message}") from error
    return [part["order_id"] for part in parts]


def parts_of_shipment(shipment_id: int) -> Sequence[sa.RowMapping]:
    """The parcels of a shipment with their orders' numbers, in the order in which they are locked.

    Raises:
        NotFoundError: there is no such shipment.
    """
    rows = (
        db.session.execute(
            sa.select(_parcel, _order.c.number)
            .join(
                _order,
                sa.and_(_order.c.merchant_id == _parcel.c.merchant_id, _order.c.id == _parcel.c.order_id),
            )
            .where(_parcel.c.merchant_id == current_merchant_id(), _parcel.c.shipment_id == shipment_id)
            .order_by(_parcel.c.order_id, _parcel.c.n)
        )
        .mappings()
        .all()
    )
    if not rows:
        raise NotFoundError("There is no such shipment any more.")
    return rows


def _parcel_to_join(order_id: int, by: Actor) -> int:
    """All that is left of the order in one parcel: one that waits already, or a new one."""
    waiting = db.session.execute(
        sa.select(_parcel.c.n, _parcel.c.shipment_id).where(
            of_order(_parcel, order_id), _parcel.c.state.in_(SET_APART), _parcel.c.method == "ship"
        )
    ).all()
    if any(row.shipment_id for row in waiting):
        raise ConflictError("One of these orders travels with others already.")
    apart = set_apart(order_id)
    left = {
        line["n"]: units
        for line in lines_of(order_id)
        if (units := min(open_units(line), line["allocated_quantity"] if line["is_counted"] else open_units(line)) - apart[line["n"]]) > 0
    }  # fmt: skip
    if left:
        return plan_parcel(order_id, left, by=by)
    if len(waiting) == 1:
        return int(parcel_of(order_id, waiting[0].n)["n"])
    raise ConflictError("One of these orders has nothing that can be sent now.")


def _move(shipment_id: int, state: str) -> None:
    moved = db.session.execute(
        sa.update(_shipment)
        .where(
            _shipment.c.merchant_id == current_merchant_id(),
            _shipment.c.id == shipment_id,
            _shipment.c.state == "open",
        )
        .values(state=state, version=_shipment.c.version + 1, updated_at=sa.func.now())
        .returning(_shipment.c.id)
    ).first()
    if moved is None:
        raise ConflictError("This shipment left or was undone already. See how its orders stand now.")


def _heads(order_ids: Sequence[int]) -> dict[int, sa.RowMapping]:
    rows = db.session.execute(
        sa.select(
            _order.c.id, _order.c.number, _order.c.placed_at, _order.c.state, _order.c.delivery, _order.c.customer_id
        ).where(
            _order.c.merchant_id == current_merchant_id(), _order.c.id.in_(order_ids)
        )
    )  # fmt: skip
    return {row["id"]: row for row in rows.mappings()}


def _addresses(order_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Where each order goes, folded for comparison; an order without a street has none."""
    contacts: dict[int, dict[str, sa.RowMapping]] = defaultdict(dict)
    for row in db.session.execute(
        sa.select(_contact).where(
            _contact.c.merchant_id == current_merchant_id(), _contact.c.order_id.in_(order_ids)
        )
    ).mappings():
        contacts[row["order_id"]][row["kind"]] = row
    found: dict[int, tuple[str, ...]] = {}
    for order_id, kinds in contacts.items():
        place = kinds.get("shipping") or kinds.get("buyer")
        if place is not None and place["line1"]:
            found[order_id] = tuple(" ".join((place[name] or "").casefold().split()) for name in FIELDS)
    return found
