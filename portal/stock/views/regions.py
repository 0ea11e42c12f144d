"""What other pages show of stock: on a product, on a variant, on the home page."""

from __future__ import annotations

from flask import Response

from portal.accounts.access import requires
from portal.core.http import render_region
from portal.stock import queries
from portal.stock.views.blueprint import adjusting, bp, product_or_404, variant_or_404, variant_stock


@bp.get("/products/<int:product_id>/levels")
@requires("stock.view")
def product_levels(product_id: int) -> Response:
    found = product_or_404(product_id)
    return render_region(
        "stock/_product_levels.html",
        title="Stock",
        product=found,
        levels=queries.levels_of_product(product_id),
    )


@bp.get("/variants/<int:variant_id>/levels")
@requires("stock.view")
def variant_levels(variant_id: int) -> Response:
    found = variant_or_404(variant_id)
    return render_region(
        "stock/_variant_levels.html",
        title="Stock",
        variant=found,
        **variant_stock(variant_id),
        **adjusting(),
        errors={},
        typed={},
    )
