"""The page behind a number: what it is made of, and whether that adds up."""

from __future__ import annotations

from flask import Response, abort

from portal.accounts.access import requires
from portal.core.http import render
from portal.stock import queries
from portal.stock.breakdown import LABELS, breakdown
from portal.stock.movements import KIND_WORDS
from portal.stock.views.blueprint import bp, location_or_404, product_or_404, variant_or_404

PROMISED = ("allocated", "reserved", "unavailable")


@bp.get("/levels/<int:variant_id>/<int:location_id>/<string:counter>")
@requires("stock.view")
def number(variant_id: int, location_id: int, counter: str) -> Response:
    """What makes one counter of a level; ``available`` is what the others leave."""
    name = counter.replace("-", "_")
    if name not in LABELS or counter != name.replace("_", "-"):
        abort(404)
    variant, place = variant_or_404(variant_id), location_or_404(location_id)
    figures = queries.figures(variant_id, location_id)
    return render(
        "stock/number.html",
        variant=variant,
        product=product_or_404(variant.product_id),
        location=place,
        figures=figures,
        counter=name,
        labels=LABELS,
        promised=PROMISED,
        kinds=KIND_WORDS,
        made=None if name == "available" else breakdown(variant_id, location_id, name, figures),
    )
