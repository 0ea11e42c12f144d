"""Draft a purchase order with a scanner: each scan is saved at once and can be undone."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import see_other, toast
from portal.stock.draft_pages import DraftPage, drafted_answer, drafting_page, undone_answer
from portal.stock.models import PurchaseOrder, Supplier
from portal.stock.papers import place_names
from portal.stock.purchasing import scans
from portal.stock.purchasing.blueprint import bp
from portal.stock.purchasing.services import item_of
from portal.stock.scan_answers import scan_refused
from portal.stock.scanning import typed_code, typed_token, typed_units


@bp.get("/purchase-orders/<int:purchase_id>/drafting")
@requires("stock.edit")
def drafting_purchase(purchase_id: int) -> ResponseReturnValue:
    found = get_or_404(PurchaseOrder, purchase_id)
    if found.state != "draft":
        return see_other(url_for("purchasing.purchase", purchase_id=purchase_id))
    return drafting_page(_draft(found))


@bp.post("/purchase-orders/<int:purchase_id>/lines")
@requires("stock.edit")
def scan_onto_purchase(purchase_id: int) -> ResponseReturnValue:
    """Put units of a scanned or typed variant on a draft, in whole packs."""
    found = get_or_404(PurchaseOrder, purchase_id, lock=True)
    code = request.form.get("code", "")
    try:
        drafted = scans.scan_onto(
            found,
            typed_code(code),
            typed_units(request.form.get("units")),
            token=typed_token(request.form.get("token")),
            by=current_actor(),
        )
    except DomainError as error:
        return scan_refused(
            code,
            error,
            page=lambda outcome, status: drafting_page(
                _draft(get_or_404(PurchaseOrder, purchase_id)),
                outcome=outcome,
                typed=dict(request.form),
                status=status,
            ),
        )
    db.session.commit()
    item = item_of(found.supplier_id, drafted.variant.variant_id)
    packs = f", in packs of {item.pack_size:,}" if item and item.pack_size > 1 else ""
    return drafted_answer(_draft(found), drafted, f"To order{packs}.")


@bp.post("/purchase-orders/<int:purchase_id>/lines/undo")
@requires("stock.edit")
def undo_purchase_scan(purchase_id: int) -> ResponseReturnValue:
    """Take off what one scan had added."""
    found = get_or_404(PurchaseOrder, purchase_id, lock=True)
    try:
        drafted = scans.undo_scan(found, typed_token(request.form.get("scan")), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for("purchasing.drafting_purchase", purchase_id=purchase_id))
    db.session.commit()
    return undone_answer(_draft(found), drafted)


def _draft(found: PurchaseOrder) -> DraftPage:
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
