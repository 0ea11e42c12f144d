"""Hot variants: which are spread over slots, what lies in each, and spreading or gathering one by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import sqlalchemy as sa
from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog import typed
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.stock.heat import MOST_SLOTS, cool_variant, heat_variant
from portal.stock.models import HotVariant, StockLevel
from portal.stock.papers import names_of
from portal.stock.promise_views.blueprint import bp
from portal.stock.routing.rules import promise_terms
from portal.stock.scanning import scanned_variant
from portal.stock.views.blueprint import variant_or_404


@bp.get("/hot-variants")
@requires("stock.view")
def hot_variants() -> Response:
    return _page()


@bp.post("/hot-variants")
@requires("stock.edit")
def spread_variant() -> ResponseReturnValue:
    try:
        found = scanned_variant(typed.text_of(request.form.get("sku", "")))
        slots = typed.whole(request.form.get("slots", ""), "slots", "The number of slots", most=MOST_SLOTS)
        heat_variant(found.variant_id, slots or promise_terms().hot_slots, by=current_actor())
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        return _page({error.field or "sku": error.message}, status=error.status)
    toast(f"The units of {found.sku} are spread.")
    return see_other(url_for("promises.hot_variants"))


@bp.post("/hot-variants/<int:variant_id>/gather")
@requires("stock.edit")
def gather_variant(variant_id: int) -> ResponseReturnValue:
    sku = variant_or_404(variant_id).sku
    cool_variant(variant_id, by=current_actor())
    db.session.commit()
    toast(f"The free units of {sku} lie in one slot again.")
    return see_other(url_for("promises.hot_variants"))


def _page(errors: Mapping[str, str] | None = None, *, status: int = 200) -> Response:
    hot = db.session.scalars(sa.select(HotVariant).order_by(HotVariant.created_at.desc())).all()
    slots: dict[int, list[tuple[int, int]]] = defaultdict(list)
    rows = db.session.execute(
        sa.select(
            StockLevel.variant_id,
            StockLevel.slot,
            sa.func.sum(
                StockLevel.on_hand - StockLevel.allocated - StockLevel.reserved - StockLevel.unavailable
            ).label("free"),
        )
        .where(StockLevel.variant_id.in_([each.variant_id for each in hot]))
        .group_by(StockLevel.variant_id, StockLevel.slot)
        .order_by(StockLevel.variant_id, StockLevel.slot)
    )
    for row in rows:
        slots[row.variant_id].append((row.slot, int(row.free)))
    return render(
        "stock/promises/hot_variants.html",
        hot=hot,
        slots=slots,
        names=names_of(each.variant_id for each in hot),
        setting=promise_terms(),
        errors=errors or {},
        typed=dict(request.form) if errors else {},
        status=status,
    )
