"""Put what is scanned on a draft purchase order, each scan at once."""

from __future__ import annotations

import uuid

from portal.core.audit import Actor
from portal.stock.draft_scans import Drafted, is_first, left_after, take_back
from portal.stock.models import PurchaseOrder
from portal.stock.papers import names_of
from portal.stock.purchasing.services import item_of, line_of, own_cost, set_line
from portal.stock.purchasing.suppliers import rounded_up
from portal.stock.scanning import scanned_goods


def scan_onto(purchase: PurchaseOrder, code: str, units: int, *, token: uuid.UUID, by: Actor) -> Drafted:
    """Add units of what was scanned to a draft, its line raised to whole packs. The same *token* adds once.

    Raises:
        UnknownCodeError: no variant, or more than one, has the code.
        DomainError: it was ordered, or the line or the purchase order can hold no more.
    """
    found = scanned_goods(code)
    line, item = line_of(purchase.id, found.variant_id), item_of(purchase.supplier_id, found.variant_id)
    held = line.quantity if line else 0
    wanted = rounded_up(held + units, item)
    if not is_first(token, ("purchase", purchase.id), found.variant_id, units, adds=wanted - held, by=by):
        return Drafted(found, held, False)
    cost = line.unit_cost if line else item.unit_cost if item else own_cost(found.variant_id)
    set_line(purchase, found.variant_id, wanted, cost, version=purchase.version, by=by)
    return Drafted(found, wanted, True)


def undo_scan(purchase: PurchaseOrder, token: uuid.UUID, *, by: Actor) -> Drafted:
    """Take off what a scan had added; undoing it twice takes it off once.

    Raises:
        NotFoundError: the draft has no such scan.
        ConflictError: it was ordered, or its line was changed and holds fewer units now.
    """
    variant_id, units = take_back(token, ("purchase", purchase.id))
    found, line = names_of([variant_id])[variant_id], line_of(purchase.id, variant_id)
    held = line.quantity if line else 0
    if not units:
        return Drafted(found, held, False)
    left = left_after(found, held, units)
    set_line(purchase, variant_id, left, line.unit_cost if line else None, version=purchase.version, by=by)
    return Drafted(found, left, True)
