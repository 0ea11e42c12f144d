"""What a variant is made of: the region on its page, and saving it."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog import typed
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render_region, see_other, toast
from portal.stock import bundles
from portal.stock.views.blueprint import bp, variant_or_404

BLANK_ROWS = 3
Rows = list[tuple[str, str]]


@bp.get("/variants/<int:variant_id>/components")
@requires("catalog.view")
def components(variant_id: int) -> Response:
    return _region(variant_id)


@bp.post("/variants/<int:variant_id>/components")
@requires("catalog.edit")
def save_components(variant_id: int) -> ResponseReturnValue:
    variant_or_404(variant_id)
    rows = _typed_rows()
    try:
        bundles.save_components(
            variant_id, _read(rows), base=request.form.get("base", ""), by=current_actor()
        )
    except DomainError as error:
        db.session.rollback()
        return _region(variant_id, rows=rows, error=error.message, status=error.status)
    db.session.commit()
    toast("The components are saved.")
    return see_other(url_for("catalog.variant", variant_id=variant_id, _anchor="components"))


def _typed_rows() -> Rows:
    skus = [typed.text_of(value) for value in request.form.getlist("sku")]
    units = [typed.text_of(value) for value in request.form.getlist("units")]
    return [(sku, count) for sku, count in zip(skus, units, strict=False) if sku]


def _read(rows: Rows) -> list[tuple[str, int]]:
    """Rows with their units; empty is one, 0 takes the component out."""
    read = []
    for sku, units in rows:
        number = typed.whole(units or "1", "components", f"The units of {sku}", most=bundles.MOST_PER_BUNDLE)
        if number:
            read.append((sku, number))
    return read


def _region(
    variant_id: int, *, rows: Rows | None = None, error: str | None = None, status: int = 200
) -> Response:
    found = bundles.components_of(variant_id)
    return render_region(
        "stock/_components.html",
        title="Components",
        variant=variant_or_404(variant_id),
        components=found,
        rows=rows if rows is not None else [(part.sku, str(part.quantity)) for part in found],
        names={part.sku: part for part in found},
        blank=BLANK_ROWS,
        base=bundles.state_of(found),
        sellable=bundles.bundle_availability([variant_id]).get(variant_id) if found else None,
        part_of=bundles.bundles_with(variant_id),
        error=error,
        status=status,
    )
