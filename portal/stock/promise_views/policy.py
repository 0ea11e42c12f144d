"""What a variant does when nothing is left: a region on its page."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog import typed
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render_region, see_other, toast
from portal.stock.papers import typed_day
from portal.stock.promise_settings import POLICY_WORDS, save_policy
from portal.stock.promise_views.blueprint import bp
from portal.stock.views.blueprint import variant_or_404


@bp.get("/variants/<int:variant_id>/policy")
@requires("stock.view")
def policy(variant_id: int) -> Response:
    return _region(variant_id)


@bp.post("/variants/<int:variant_id>/policy")
@requires("catalog.edit")
def save_variant_policy(variant_id: int) -> ResponseReturnValue:
    variant = variant_or_404(variant_id)
    try:
        save_policy(
            variant,
            request.form.get("policy", ""),
            limit=typed.whole(request.form.get("limit", ""), "limit", "The limit"),
            until=typed_day(request.form.get("until", ""), "until", "The last day"),
            version=typed.whole(request.form.get("version", "0"), "policy", "The version") or 0,
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        return _region(variant_id, errors={error.field or "policy": error.message}, status=error.status)
    db.session.commit()
    toast("What happens when nothing is left is saved.")
    return see_other(url_for("catalog.variant", variant_id=variant_id, _anchor="policy"))


def _region(variant_id: int, *, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    variant = variant_or_404(variant_id)
    now = {
        "policy": variant.stock_policy,
        "limit": "" if variant.backorder_limit is None else variant.backorder_limit,
        "until": variant.preorder_until or "",
    }
    return render_region(
        "stock/promises/_policy.html",
        title="When nothing is left",
        variant=variant,
        values=now | (dict(request.form) if errors else {}),
        policies=POLICY_WORDS,
        errors=errors or {},
        status=status,
    )
