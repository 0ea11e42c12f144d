"""Draft a purchase order, order it, receive it, close it.

Ordering makes the units incoming; every receipt turns incoming units into units on hand with what one cost. More than was
ordered is booked after a tick, because the goods are there whatever the paper says.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.models import Variant
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.stock.models import PurchaseOrder, PurchaseOrderLine, Supplier, SupplierItem
from portal.stock.papers import (
    MOST_LINES,
    names_of,
    require_place,
    require_reason,
    require_version,
    take_number,
    tell,
    typed_day,
    typed_key,
    typed_note,
)
from portal.stock.receiving import Arrival, begin_receipt, write_lines
from portal.stock.scanning import MOST_SCANNED, Scanned, scanned_variant
from portal.stock.services import Move, apply_moves

NOUN: Final = "purchase order"
SUBJECT: Final = "purchase_order"
CAUSE: Final = "purchase"


class OverReceiptError(ConflictError):
    """More arrived than was ordered, and nobody said yet that this is so."""


def create_purchase(values: Mapping[str, Any], *, by: Actor) -> PurchaseOrder:
    """A draft at a supplier for a location.

    Raises:
        DomainError: the supplier or the location is missing or not in use.
    """
    supplier = _supplier(typed_key(values.get("supplier_id"), "supplier_id", "The supplier"))
    purchase = PurchaseOrder(
        number=take_number(CAUSE),
        supplier_id=supplier.id,
        currency=supplier.currency,
        location_id=_place(values),
        **_columns(values),
    )
    db.session.add(purchase)
    db.session.flush()
    tell("purchase.created", (SUBJECT, purchase.id), by=by, after=_audited(purchase))
    return purchase


def change_purchase(purchase: PurchaseOrder, values: Mapping[str, Any], *, version: int, by: Actor) -> None:
    """Change the head: all of a draft; of what was ordered, the day, the supplier's number and the note.

    Raises:
        DomainError: it is over, someone changed it meanwhile, or a value is wrong.
    """
    if purchase.state not in ("draft", "ordered", "partly_received"):
        raise ConflictError("This purchase order is over; it cannot be changed any more.")
    require_version(purchase.version, version, NOUN)
    before = _audited(purchase)
    if purchase.state == "draft":
        purchase.location_id = _place(values)
    for name, value in _columns(values).items():
        setattr(purchase, name, value)
    db.session.flush()
    if _audited(purchase) != before:
        tell("purchase.changed", (SUBJECT, purchase.id), by=by, before=before, after=_audited(purchase))


def set_line(
    purchase: PurchaseOrder,
    variant_id: int,
    units: int,
    unit_cost: Decimal | None,
    *,
    version: int,
    by: Actor,
) -> None:
    """Put so many units at a cost on a draft; 0 takes the variant off.

    Raises:
        DomainError: it was ordered or changed meanwhile, or the number is out of range.
    """
    _require_draft(purchase)
    require_version(purchase.version, version, NOUN)
    if not 0 <= units <= MOST_SCANNED:
        raise DomainError(f"A line holds up to {MOST_SCANNED:,} units.", field="units")
    line = line_of(purchase.id, variant_id)
    before = {
        "variant_id": variant_id,
        "units": line.quantity if line else 0,
        "cost": line.unit_cost if line else None,
    }
    after = {"variant_id": variant_id, "units": units, "cost": unit_cost}
    if line is not None and units:
        line.quantity, line.unit_cost = units, unit_cost
    elif line is not None:
        db.session.delete(line)
    elif units:
        _require_room(purchase.id)
        item = item_of(purchase.supplier_id, variant_id)
        db.session.add(
            PurchaseOrderLine(
                purchase_id=purchase.id,
                variant_id=variant_id,
                quantity=units,
                unit_cost=unit_cost,
                supplier_sku=item.supplier_sku if item else None,
            )
        )
    _touch(purchase)
    if before != after:
        tell("purchase.line_set", (SUBJECT, purchase.id), by=by, before=before, after=after)


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line for a draft that nobody has seen yet."""

    variant_id: int
    units: int
    unit_cost: Decimal | None
    supplier_sku: str | None


def add_lines(purchase: PurchaseOrder, lines: Sequence[NewLine], *, by: Actor) -> None:
    """Put many variants on a new draft at once."""
    db.session.execute(
        sa.insert(PurchaseOrderLine.__table__),
        [
            {
                "merchant_id": current_merchant_id(),
                "purchase_id": purchase.id,
                "variant_id": line.variant_id,
                "quantity": line.units,
                "unit_cost": line.unit_cost,
                "supplier_sku": line.supplier_sku,
            }
            for line in lines
        ],
    )
    _touch(purchase)
    units = {str(line.variant_id): line.units for line in lines}
    tell("purchase.lines_proposed", (SUBJECT, purchase.id), by=by, after={"units": units})


def order(purchase: PurchaseOrder, *, version: int, by: Actor) -> None:
    """Order it: the units are incoming from now on.

    Raises:
        DomainError: it is empty, was ordered already, or was changed meanwhile.
    """
    _require_draft(purchase)
    require_version(purchase.version, version, NOUN)
    require_place(purchase.location_id, "location_id")
    lines = lines_of(purchase.id)
    if not lines:
        raise DomainError("Put at least one variant on the purchase order before you order it.", field="code")
    apply_moves(
        [_move(purchase, line.variant_id, "expected", incoming=line.quantity) for line in lines], by=by
    )
    purchase.state, purchase.ordered_at = "ordered", utc_now()
    if purchase.expected_on is None:
        purchase.expected_on = _expected_on(purchase, lines)
    db.session.flush()
    units = sum(line.quantity for line in lines)
    tell("purchase.ordered", (SUBJECT, purchase.id), by=by, after={"lines": len(lines), "units": units})


def receive(
    purchase: PurchaseOrder, arrivals: Sequence[Arrival], *, token: uuid.UUID, accept_over: bool, by: Actor
) -> bool:
    """Book what arrived. The same *token* books once; says whether it was booked now.

    Good units become on hand with the cost of the line, damaged ones on hand and unavailable.

    Raises:
        OverReceiptError: more arrived than was ordered, and *accept_over* is not set.
        DomainError: nothing was entered, a variant was not ordered, or the token was booked with other numbers.
        ConflictError: nothing is outstanding any more.
    """
    receipt_id = begin_receipt(token, "purchase", purchase.id, arrivals, by=by)
    if receipt_id is None:
        return False
    if not purchase.is_open:
        raise ConflictError("Nothing of this purchase order is on its way.")
    said = [arrival for arrival in arrivals if not arrival.is_empty]
    for reason_id in sorted({one.reason_id for one in said if one.reason_id is not None}):
        require_reason(reason_id)
    lines = {line.variant_id: line for line in lines_of(purchase.id)}
    _require_ordered(lines, said, accept_over)
    _book(purchase, lines, said, by)
    write_lines(receipt_id, said, {key: line.unit_cost for key, line in lines.items()})
    purchase.state = "partly_received" if any(line.outstanding for line in lines.values()) else "received"
    purchase.closed_at = utc_now() if purchase.state == "received" else None
    _touch(purchase)
    tell(
        "purchase.received",
        (SUBJECT, purchase.id),
        by=by,
        after={"good": sum(one.good for one in said), "damaged": sum(one.damaged for one in said)},
    )
    return True


def receive_code(
    purchase: PurchaseOrder, code: str, units: int, *, token: uuid.UUID, accept_over: bool, by: Actor
) -> tuple[Scanned, PurchaseOrderLine, bool]:
    """Book *units* good units of what was scanned; gives the line as it stands then, and whether it was booked now.

    Raises:
        UnknownCodeError: no variant has the code.
        DomainError: as ``receive``.
    """
    found = scanned_variant(code)
    booked = receive(
        purchase, [Arrival(found.variant_id, good=units)], token=token, accept_over=accept_over, by=by
    )
    line = line_of(purchase.id, found.variant_id)
    assert line is not None
    return found, line, booked


def close(purchase: PurchaseOrder, *, version: int, by: Actor) -> None:
    """Wait for the rest no longer: it is not incoming any more.

    Raises:
        ConflictError: nothing of it was received yet (cancel it then), it is over, or someone changed it meanwhile.
    """
    if purchase.state != "partly_received":
        raise ConflictError(
            "Only a purchase order that arrived in part is closed; cancel one of which nothing came."
        )
    require_version(purchase.version, version, NOUN)
    waived = _waive(purchase, by)
    purchase.state, purchase.closed_at = "closed", utc_now()
    db.session.flush()
    tell("purchase.closed", (SUBJECT, purchase.id), by=by, after={"waived": waived})


def cancel(purchase: PurchaseOrder, *, version: int, by: Actor) -> None:
    """Call it off; what was incoming is not any more.

    Raises:
        ConflictError: something of it was received, or someone changed it meanwhile: what was a draft may be ordered now.
    """
    if purchase.state == "cancelled":
        return
    if purchase.state not in ("draft", "ordered"):
        raise ConflictError("Something of this purchase order arrived. Close it instead.")
    require_version(purchase.version, version, NOUN)
    waived = _waive(purchase, by) if purchase.state == "ordered" else 0
    purchase.state, purchase.closed_at = "cancelled", utc_now()
    db.session.flush()
    tell("purchase.cancelled", (SUBJECT, purchase.id), by=by, after={"waived": waived})


def outstanding_arrivals(purchase: PurchaseOrder) -> list[Arrival]:
    """All that is outstanding, arrived in good order."""
    return [
        Arrival(line.variant_id, good=line.outstanding) for line in lines_of(purchase.id) if line.outstanding
    ]


def lines_of(purchase_id: int) -> Sequence[PurchaseOrderLine]:
    """The lines, in one order for everybody."""
    return db.session.scalars(
        sa.select(PurchaseOrderLine)
        .where(PurchaseOrderLine.purchase_id == purchase_id)
        .order_by(PurchaseOrderLine.variant_id)
        .execution_options(populate_existing=True)
    ).all()


def item_of(supplier_id: int, variant_id: int) -> SupplierItem | None:
    """How the supplier sells the variant, where that is known."""
    return db.session.scalars(
        sa.select(SupplierItem).where(
            SupplierItem.supplier_id == supplier_id, SupplierItem.variant_id == variant_id
        )
    ).one_or_none()


def line_of(purchase_id: int, variant_id: int) -> PurchaseOrderLine | None:
    """The line of a variant, where it has one."""
    return db.session.get(
        PurchaseOrderLine, (current_merchant_id(), purchase_id, variant_id), populate_existing=True
    )


def own_cost(variant_id: int) -> Decimal | None:
    """What one unit costs by the catalogue."""
    return db.session.scalar(sa.select(Variant.unit_cost).where(Variant.id == variant_id))


def _supplier(supplier_id: int | None) -> Supplier:
    found = (
        db.session.get(Supplier, (current_merchant_id(), supplier_id)) if supplier_id is not None else None
    )
    if found is None or not found.is_active:
        raise DomainError("Choose a supplier you still order from.", field="supplier_id")
    return found


def _place(values: Mapping[str, Any]) -> int:
    return require_place(typed_key(values.get("location_id"), "location_id", "The location"), "location_id")


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "expected_on": typed_day(values.get("expected_on"), "expected_on", "The day"),
        "reference": typed.short_text(values.get("reference"), "reference", "Their number", most=100) or None,
        "note": typed_note(values.get("note")),
    }


def _audited(purchase: PurchaseOrder) -> dict[str, Any]:
    names = ("supplier_id", "location_id", "expected_on", "reference", "note")
    return {name: getattr(purchase, name) for name in names}


def _require_draft(purchase: PurchaseOrder) -> None:
    if purchase.state != "draft":
        raise ConflictError("This purchase order was ordered already; only drafts can be changed.")


def _require_room(purchase_id: int) -> None:
    count = sa.select(sa.func.count()).where(
        PurchaseOrderLine.merchant_id == current_merchant_id(), PurchaseOrderLine.purchase_id == purchase_id
    )
    if (db.session.scalar(count) or 0) >= MOST_LINES:
        raise DomainError(
            f"A purchase order holds up to {MOST_LINES:,} variants. Begin another one.", field="code"
        )


def _require_ordered(
    lines: Mapping[int, PurchaseOrderLine], said: Iterable[Arrival], accept_over: bool
) -> None:
    over = []
    for one in said:
        line = lines.get(one.variant_id)
        if line is None:
            sku = names_of([one.variant_id])[one.variant_id].sku
            raise DomainError(f"{sku} was not ordered on this purchase order.", field="code")
        too_many = one.good + one.damaged - line.outstanding
        if too_many > 0:
            over.append((one.variant_id, too_many))
    if over and not accept_over:
        names = names_of(key for key, _ in over)
        words = ", ".join(f"{names[key].sku}: {units:,} more" for key, units in over[:5])
        raise OverReceiptError(
            f"More than was ordered ({words}). If so many are really there, tick “More arrived than was ordered”, and book again.",
            field="accept_over",
        )


def _book(
    purchase: PurchaseOrder, lines: Mapping[int, PurchaseOrderLine], said: Sequence[Arrival], by: Actor
) -> None:
    moves = []
    for one in said:
        line = lines[one.variant_id]
        expected = line.outstanding
        good = min(expected, one.good)
        damaged = min(expected - good, one.damaged)
        if one.good:
            moves.append(
                _move(
                    purchase,
                    one.variant_id,
                    "received",
                    on_hand=one.good,
                    incoming=-good,
                    unit_cost=line.unit_cost,
                )
            )
        if one.damaged:
            moves.append(
                _move(
                    purchase,
                    one.variant_id,
                    "received",
                    on_hand=one.damaged,
                    unavailable=one.damaged,
                    incoming=-damaged,
                    unavailable_kind="damaged",
                    unit_cost=line.unit_cost,
                    reason_id=one.reason_id,
                )
            )
        line.received += one.good
        line.damaged += one.damaged
    apply_moves(moves, by=by)
    db.session.flush()


def _waive(purchase: PurchaseOrder, by: Actor) -> int:
    lines = [line for line in lines_of(purchase.id) if line.outstanding]
    apply_moves(
        [_move(purchase, line.variant_id, "expected", incoming=-line.outstanding) for line in lines], by=by
    )
    waived = sum(line.outstanding for line in lines)
    for line in lines:
        line.waived += line.outstanding
    db.session.flush()
    return waived


def _move(purchase: PurchaseOrder, variant_id: int, kind: str, **values: Any) -> Move:
    return Move(variant_id, purchase.location_id, kind, cause_kind=CAUSE, cause_id=purchase.id, **values)


def _expected_on(purchase: PurchaseOrder, lines: Sequence[PurchaseOrderLine]) -> dt.date | None:
    """The day the slowest item should be here."""
    supplier = db.session.get_one(Supplier, (current_merchant_id(), purchase.supplier_id))
    own = db.session.scalars(
        sa.select(SupplierItem.lead_days).where(
            SupplierItem.supplier_id == supplier.id,
            SupplierItem.variant_id.in_([line.variant_id for line in lines]),
            SupplierItem.lead_days.is_not(None),
        )
    )
    days = [each for each in (*own, supplier.lead_days) if each is not None]
    return utc_now().date() + dt.timedelta(days=max(days)) if days else None


def _touch(purchase: PurchaseOrder) -> None:
    """Every change of a line is a change of the paper: pages opened before it are out of date."""
    purchase.updated_at = utc_now()
    db.session.flush()
