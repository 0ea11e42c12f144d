"""Draft a transfer with a scanner: each scan is saved at once and can be undone."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import get_or_404, requires
from portal.core.http import see_other
from portal.stock.draft_pages import DraftPage, drafting_page, scan_onto_draft, undo_on_draft
from portal.stock.draft_scans import Drafted
from portal.stock.models import StockTransfer
from portal.stock.papers import place_names
from portal.stock.shelves import available_at
from portal.stock.transfers import scans
from portal.stock.transfers.blueprint import bp


@bp.get("/<int:transfer_id>/drafting")
@requires("stock.edit")
def drafting(transfer_id: int) -> ResponseReturnValue:
    found = get_or_404(StockTransfer, transfer_id)
    if found.state != "draft":
        return see_other(url_for("transfers.transfer", transfer_id=transfer_id))
    return drafting_page(_page(found))


@bp.post("/<int:transfer_id>/lines")
@requires("stock.edit")
def scan_onto(transfer_id: int) -> ResponseReturnValue:
    """Put units of a scanned or typed variant on a draft."""
    return scan_onto_draft(get_or_404(StockTransfer, transfer_id, lock=True), scans.scan_onto, _page, _told)


@bp.post("/<int:transfer_id>/lines/undo")
@requires("stock.edit")
def undo_scan(transfer_id: int) -> ResponseReturnValue:
    """Take off what one scan had added."""
    return undo_on_draft(get_or_404(StockTransfer, transfer_id, lock=True), scans.undo_scan, _page)


def _told(found: StockTransfer, drafted: Drafted) -> tuple[str, bool]:
    """What the source has of the variant; whether that is too little."""
    place, variant = found.from_location_id, drafted.variant.variant_id
    there = available_at([(variant, place)]).get((variant, place), 0)
    return f"{place_names([place])[place]} has {there:,} available.", there < drafted.units


def _page(found: StockTransfer) -> DraftPage:
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
