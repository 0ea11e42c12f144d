"""Units that may not be sold: set aside, put back, written off."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog import typed
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import see_other, toast
from portal.stock import queries
from portal.stock.acting import Begun
from portal.stock.services import MOST_UNITS, InsufficientStockError
from portal.stock.views.acts import ACTS, WHERE
from portal.stock.views.blueprint import bp
from portal.stock.views.levels import ledger_page, sent_token


@bp.post("/levels/<int:variant_id>/<int:location_id>/unavailable")
@requires("stock.adjust")
def change_unavailable(variant_id: int, location_id: int) -> ResponseReturnValue:
    """Set units aside, put them back or write them off; the same form counts once."""
    try:
        words, units, begun = _change(variant_id, location_id)
    except DomainError as error:
        db.session.rollback()
        field = {"delta": "units", "kind": "act"}.get(error.field or "", error.field or "units")
        return ledger_page(
            variant_id,
            location_id,
            aside_errors={field: _said(error, variant_id, location_id)},
            status=error.status,
        )
    db.session.commit()
    counted = f"{units:,} {'unit' if units == 1 else 'units'} of {begun.sku} at {begun.location}"
    toast(f"{words}: {counted}." if begun.is_new else "This was counted already.")
    return see_other(url_for("stock.ledger", variant_id=variant_id, location_id=location_id))


def _change(variant_id: int, location_id: int) -> tuple[str, int, Begun]:
    act = request.form.get("act", "")
    chosen = ACTS.get(act)
    if chosen is None:
        raise DomainError("Choose what happens to the units.", field="act")
    units = typed.whole(request.form.get("units", ""), "units", "The number of units", most=MOST_UNITS) or 0
    reason_id = typed.whole(request.form.get("reason_id", ""), "reason_id", "The reason", most=10**12)
    note = typed.short_text(request.form.get("note"), "note", "The note", most=500) or None
    begun = chosen.service(
        variant_id,
        location_id,
        units,
        chosen.place,
        by=current_actor(),
        token=sent_token(),
        reason_id=reason_id,
        note=note,
    )
    return chosen.words, units, begun


def _said(error: DomainError, variant_id: int, location_id: int) -> str:
    if not isinstance(error, InsufficientStockError):
        return error.message
    figure = ACTS[request.form["act"]].taken_from
    units: int = getattr(queries.figures(variant_id, location_id), figure)
    return f"Only {units:,} {'unit is' if units == 1 else 'units are'} {WHERE[figure]} here."
