"""Draft a purchase order with a scanner: each scan is saved at once and can be undone."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import get_or_404, requires
from portal.core.http import see_other
from portal.stock.draft_pages import DraftPage, drafting_page, scan_onto_draft, undo_on_draft
from portal.stock.draft_scans import Drafted
from portal.stock.models import PurchaseOrder, Supplier
from portal.stock.papers import place_names
from portal.stock.purchasing import scans
from portal.stock.purchasing.blueprint import bp
from portal.stock.purchasing.services import item_of


@bp.get("/purchase-orders/<int:purchase_id>/drafting")
@requires("stock.edit")
def drafting_purchase(purchase_id: int) -> ResponseReturnValue:
    found = get_or_404(PurchaseOrder, purchase_id)
    if found.state != "draft":
        return see_other(url_for("purchasing.purchase", purchase_id=purchase_id))
    return drafting_page(_page(found))


@bp.post("/purchase-orders/<int:purchase_id>/lines")
@requires("stock.edit")
def scan_onto_purchase(purchase_id: int) -> ResponseReturnValue:
    """Put units of a scanned or typed variant on a draft, in whole packs."""
    return scan_onto_draft(get_or_404(PurchaseOrder, purchase_id, lock=True), scans.scan_onto, _page, _told)


@bp.post("/purchase-orders/<int:purchase_id>/lines/undo")
@requires("stock.edit")
def undo_purchase_scan(purchase_id: int) -> ResponseReturnValue:
    """Take off what one scan had added."""
    return undo_on_draft(get_or_404(PurchaseOrder, purchase_id, lock=True), scans.undo_scan, _page)


def _told(found: PurchaseOrder, drafted: Drafted) -> tuple[str, bool]:
    item = item_of(found.supplier_id, drafted.variant.variant_id)
    packs = f", in packs of {item.pack_size:,}" if item and item.pack_size > 1 else ""
    return f"To order{packs}.", False


def _page(found: PurchaseOrder) -> DraftPage:
    key = found.id
    supplier = get_or_404(Supplier, found.supplier_id)
    return DraftPage(
        kind="purchase",
        key=key,
        noun=f"purchase order {found.number}",
        sub=f"{supplier.name}, for {place_names([found.location_id])[found.location_id]}",
        words="Each scan is on the draft at once, in whole packs. Nothing is ordered before you order it.",
        paper_url=url_for("purchasing.purchase", purchase_id=key),
        page_url=url_for("purchasing.drafting_purchase", purchase_id=key),
        scan_url=url_for("purchasing.scan_onto_purchase", purchase_id=key),
        undo_url=url_for("purchasing.undo_purchase_scan", purchase_id=key),
    )
