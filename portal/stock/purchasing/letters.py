"""The letter that tells a supplier what is ordered."""

from __future__ import annotations

from typing import Any

from portal.accounts.models import Merchant
from portal.core import mail
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError
from portal.core.formats import Region, in_region
from portal.stock.models import Location, PurchaseOrder, Supplier
from portal.stock.papers import names_of, tell
from portal.stock.purchasing.services import SUBJECT, lines_of


def send_by_mail(purchase: PurchaseOrder, *, by: Actor) -> None:
    """Write to the supplier what is ordered.

    Raises:
        ConflictError: it is a draft or over, or the supplier has no e-mail address.
    """
    if not purchase.is_open:
        raise ConflictError("Order it first; then it can be sent to the supplier.")
    supplier = db.session.get_one(Supplier, (current_merchant_id(), purchase.supplier_id))
    if not supplier.email:
        raise ConflictError("The supplier has no e-mail address. Enter one, then send the purchase order.")
    with in_region(Region("de_DE" if supplier.locale == "de" else "en_GB", "UTC")):
        mail.send_mail(
            "purchase_order",
            to=supplier.email,
            context=_letter(purchase, supplier),
            locale=supplier.locale,
            subject_id=supplier.subject_id,
            about=(SUBJECT, purchase.id),
            by=by,
        )
    purchase.mailed_at = utc_now()
    db.session.flush()
    tell("purchase.mailed", (SUBJECT, purchase.id), by=by)


def _letter(purchase: PurchaseOrder, supplier: Supplier) -> dict[str, Any]:
    merchant = db.session.get_one(Merchant, current_merchant_id())
    place = db.session.get_one(Location, (current_merchant_id(), purchase.location_id))
    lines = lines_of(purchase.id)
    names = names_of(line.variant_id for line in lines)
    return {
        "merchant": merchant.name,
        "number": purchase.number,
        "contact": supplier.contact_name,
        "place": place.name,
        "address": place.address,
        "expected_on": purchase.expected_on,
        "currency": purchase.currency,
        "note": purchase.note,
        "lines": [
            {
                "sku": names[line.variant_id].sku,
                "their_sku": line.supplier_sku,
                "title": names[line.variant_id].title,
                "units": line.quantity,
                "cost": line.unit_cost,
            }
            for line in lines
        ],
    }
