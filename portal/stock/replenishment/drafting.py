"""From what is proposed for a supplier to drafts of purchase orders, one per location."""

from __future__ import annotations

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, NotFoundError
from portal.stock.models import PurchaseOrder, Supplier
from portal.stock.purchasing.services import NewLine, add_lines, create_purchase
from portal.stock.replenishment.proposals import needs_now


def draft_proposal(supplier_id: int, *, by: Actor) -> list[PurchaseOrder]:
    """Draft what is proposed for a supplier: a purchase order per location.

    A second click finds the units on the draft of the first and has nothing left to do.

    Raises:
        NotFoundError: there is no such supplier.
        ConflictError: nothing is left to order from it.
    """
    supplier = db.session.scalars(
        sa.select(Supplier).where(Supplier.id == supplier_id).with_for_update()
    ).one_or_none()
    if supplier is None:
        raise NotFoundError()
    lines: dict[int, list[NewLine]] = {}
    for need in needs_now():
        item = need.item
        if item is not None and item.supplier_id == supplier_id:
            line = NewLine(need.variant.variant_id, need.units, item.unit_cost, item.supplier_sku)
            lines.setdefault(need.location_id, []).append(line)
    if not lines:
        raise ConflictError("Nothing is left to order from this supplier; it may be on a draft already.")
    made = []
    for location_id in sorted(lines):
        purchase = create_purchase({"supplier_id": str(supplier_id), "location_id": str(location_id)}, by=by)
        add_lines(purchase, lines[location_id], by=by)
        made.append(purchase)
    return made
