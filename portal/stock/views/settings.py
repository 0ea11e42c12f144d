"""The rule on reasons: which roles must say why they changed stock by hand."""

from __future__ import annotations

from collections.abc import Collection

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.accounts.roles import role_summaries
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.stock import queries, settings
from portal.stock.views.blueprint import bp


@bp.get("/settings")
@requires("settings.view")
def stock_settings() -> Response:
    now = settings.roles_that_give_reasons()
    return _page(now, base=now)


@bp.post("/settings")
@requires("settings.edit")
def save_stock_settings() -> ResponseReturnValue:
    sent, base = _roles("roles"), _roles("base")
    try:
        settings.save_stock_setting(sent, base=base, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _page(sent, base=base, error=error.message, status=error.status)
    db.session.commit()
    toast("The rule on reasons is saved.")
    return see_other(url_for("stock.stock_settings"))


def _roles(field: str) -> frozenset[int]:
    return frozenset(
        int(value) for value in request.form.getlist(field) if value.isascii() and value.isdecimal()
    )


def _page(
    chosen: Collection[int], *, base: Collection[int], error: str | None = None, status: int = 200
) -> Response:
    return render(
        "stock/settings.html",
        roles=[role for role in role_summaries() if "stock.adjust" in role.permissions],
        chosen=chosen,
        base=sorted(base),
        reasons=queries.reasons(active=True),
        error=error,
        status=status,
    )
