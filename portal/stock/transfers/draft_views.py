"""Draft a transfer with a scanner: each scan is saved at once and can be undone."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import see_other, toast
from portal.stock.draft_pages import DraftPage, drafted_answer, drafting_page, undone_answer
from portal.stock.models import StockTransfer
from portal.stock.papers import place_names
from portal.stock.scan_answers import scan_refused
from portal.stock.scanning import typed_code, typed_token, typed_units
from portal.stock.shelves import available_at
from portal.stock.transfers import scans
from portal.stock.transfers.blueprint import bp


@bp.get("/<int:transfer_id>/drafting")
@requires("stock.edit")
def drafting(transfer_id: int) -> ResponseReturnValue:
    found = get_or_404(StockTransfer, transfer_id)
    if found.state != "draft":
        return see_other(url_for("transfers.transfer", transfer_id=transfer_id))
    return drafting_page(_draft(found))


@bp.post("/<int:transfer_id>/lines")
@requires("stock.edit")
def scan_onto(transfer_id: int) -> ResponseReturnValue:
    """Put units of a scanned or typed variant on a draft."""
    found = get_or_404(StockTransfer, transfer_id, lock=True)
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
                _draft(get_or_404(StockTransfer, transfer_id)),
                outcome=outcome,
                typed=dict(request.form),
                status=status,
            ),
        )
    db.session.commit()
    place = found.from_location_id
    there = available_at([(drafted.variant.variant_id, place)]).get((drafted.variant.variant_id, place), 0)
    words = f"{place_names([place])[place]} has {there:,} available."
    return drafted_answer(_draft(found), drafted, words, needs_care=there < drafted.units)


@bp.post("/<int:transfer_id>/lines/undo")
@requires("stock.edit")
def undo_scan(transfer_id: int) -> ResponseReturnValue:
    """Take off what one scan had added."""
    found = get_or_404(StockTransfer, transfer_id, lock=True)
    try:
        drafted = scans.undo_scan(found, typed_token(request.form.get("scan")), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for("transfers.drafting", transfer_id=transfer_id))
    db.session.commit()
    return undone_answer(_draft(found), drafted)


def _draft(found: StockTransfer) -> DraftPage:
    key, places = found.id, place_names([found.from_location_id, found.to_location_id])
    return DraftPage(
        kind="transfer",
        key=key,
        noun=f"transfer {found.number}",
        sub=f"{places[found.from_location_id]} to {places[found.to_location_id]}",
        words="Each scan is on the draft at once. Nothing moves before you send it.",
        paper_url=url_for("transfers.transfer", transfer_id=key),
        page_url=url_for("transfers.drafting", transfer_id=key),
        scan_url=url_for("transfers.scan_onto", transfer_id=key),
        undo_url=url_for("transfers.undo_scan", transfer_id=key),
    )
