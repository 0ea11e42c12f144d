"""The list of levels, the adjustment, the ledger behind a number, and a variant's stock."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog import typed
from portal.core import formats
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import path_or, render, see_other, toast, wants_fragment, whole_key
from portal.core.listing import neighbours, show_list
from portal.stock import queries
from portal.stock.ledger import ledger as read_ledger
from portal.stock.ledger import ledger_sums
from portal.stock.listings import LEVELS
from portal.stock.models import MOVEMENT_KINDS
from portal.stock.movements import KIND_WORDS, MOVEMENTS
from portal.stock.services import MOST_UNITS, InsufficientStockError, adjust_stock
from portal.stock.verifying import last_verification
from portal.stock.views.acts import ACTS
from portal.stock.views.blueprint import (
    adjusting,
    bp,
    location_or_404,
    product_or_404,
    variant_or_404,
    variant_stock,
)

UNAVAILABLE_WORDS = {"quarantine": "quarantine", "damaged": "damaged"}
COLUMNS = tuple(column.key for column in LEVELS.columns)


@bp.get("")
@requires("stock.view")
def levels() -> ResponseReturnValue:
    return show_list(
        LEVELS,
        "stock/levels.html",
        region="stock/_levels.html",
        verification=last_verification(),
        **adjusting(),
    )


@bp.get("/movements")
@requires("stock.view")
def movements() -> ResponseReturnValue:
    return show_list(MOVEMENTS, "stock/movements.html")


@bp.get("/levels/<int:variant_id>/<int:location_id>")
@requires("stock.view")
def ledger(variant_id: int, location_id: int) -> Response:
    return ledger_page(variant_id, location_id)


@bp.post("/levels/<int:variant_id>/<int:location_id>/adjustments")
@requires("stock.adjust")
def adjust(variant_id: int, location_id: int) -> ResponseReturnValue:
    """Add or take away units. Only a difference is ever sent, so a page that is out of date erases nothing."""
    try:
        delta = (
            typed.whole(
                request.form.get("delta", ""), "delta", "The change", least=-MOST_UNITS, most=MOST_UNITS
            )
            or 0
        )
        reason_id = typed.whole(request.form.get("reason_id", ""), "reason_id", "The reason", most=10**12)
        note = typed.short_text(request.form.get("note"), "note", "The note", most=500) or None
        begun = adjust_stock(
            variant_id,
            location_id,
            delta,
            by=current_actor(),
            token=sent_token(),
            reason_id=reason_id,
            note=note,
        )
    except DomainError as error:
        db.session.rollback()
        return _refused(variant_id, location_id, error)
    db.session.commit()
    toast(
        f"{formats.change(delta)} {'unit' if abs(delta) == 1 else 'units'} of {begun.sku} at {begun.location}."
        if begun.is_new
        else "This was counted already."
    )
    if wants_fragment():
        return _row(variant_id, location_id)
    return see_other(
        path_or(
            request.form.get("next"), url_for("stock.ledger", variant_id=variant_id, location_id=location_id)
        )
    )


@bp.get("/variants/<int:variant_id>")
@requires("stock.view")
def variant(variant_id: int) -> Response:
    """Where a variant lies, and how its stock went."""
    found = variant_or_404(variant_id)
    return render(
        "stock/variant.html",
        variant=found,
        product=product_or_404(found.product_id),
        **variant_stock(variant_id),
        **adjusting(),
        errors={},
        typed={},
    )


def ledger_page(
    variant_id: int,
    location_id: int,
    *,
    errors: Mapping[str, str] | None = None,
    aside_errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """A level with its movements; what was refused comes back with its errors."""
    found, place = variant_or_404(variant_id), location_or_404(location_id)
    kind = request.args.get("kind")
    figures, sums = queries.figures(variant_id, location_id), ledger_sums(variant_id, location_id)
    previous_url, next_url = neighbours(
        LEVELS, request.args.get("level", 0, type=whole_key), request.args.get("list")
    )
    return render(
        "stock/ledger.html",
        variant=found,
        product=product_or_404(found.product_id),
        location=place,
        figures=figures,
        ledger=read_ledger(
            variant_id,
            location_id,
            before=request.args.get("before", type=whole_key),
            kind=kind if kind in MOVEMENT_KINDS else None,
        ),
        agrees=sums is not None and figures == sums,
        sums=sums,
        kind=kind if kind in MOVEMENT_KINDS else "",
        kinds=KIND_WORDS,
        unavailable_words=UNAVAILABLE_WORDS,
        acts=[(key, act.words) for key, act in ACTS.items()],
        paged="before" in request.args,
        **adjusting(),
        errors=errors or {},
        typed=dict(request.form) if errors else {},
        aside_errors=aside_errors or {},
        aside_typed=dict(request.form) if aside_errors else {},
        previous_url=previous_url,
        next_url=next_url,
        status=status,
    )


def sent_token() -> uuid.UUID:
    """The token of a form that may be sent twice.

    Raises:
        DomainError: it is none.
    """
    try:
        return uuid.UUID(request.form.get("token", ""))
    except ValueError as error:
        raise DomainError(
            "The form arrived damaged. Reload the page; nothing was changed.", field="delta"
        ) from error


def _refused(variant_id: int, location_id: int, error: DomainError) -> Response:
    message = error.message
    if isinstance(error, InsufficientStockError):
        found = queries.figures(variant_id, location_id)
        message = f"Only {found.available:,} of the {found.on_hand:,} units here are available; the rest is promised or set aside."
    errors = {error.field or "delta": message}
    if wants_fragment():
        return _row(variant_id, location_id, errors=errors, status=error.status)
    return ledger_page(variant_id, location_id, errors=errors, status=error.status)


def _row(
    variant_id: int, location_id: int, *, errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    asked = request.form.get("cols", "").split(",")
    columns = [LEVELS.columns_by_key[key] for key in COLUMNS if key in asked] or list(LEVELS.columns[:1])
    values: dict[str, Any] = queries.level_values(variant_id, location_id)
    return render(
        "stock/_level_row.html",
        level=values,
        shown=[(column.key, column.label) for column in columns],
        **adjusting(),
        errors=errors or {},
        typed=dict(request.form) if errors else {},
        next_url=request.form.get("next", ""),
        status=status,
    )
