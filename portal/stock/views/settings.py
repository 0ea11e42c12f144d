"""The rule on reasons: which roles must say why they changed stock by hand."""

from __future__ import annotations

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
    found = settings.stock_setting()
    return _page(settings.roles_that_give_reasons(), version=found.version if found else 0)


@bp.post("/settings")
@requires("settings.edit")
def save_stock_settings() -> ResponseReturnValue:
    sent = [int(value) for value in request.form.getlist("roles") if value.isascii() and value.isdecimal()]
    version = request.form.get("version", 0, type=int)
    try:
        settings.save_stock_setting(sent, version=version, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        now = settings.stock_setting()
        return _page(
            frozenset(sent), version=now.version if now else 0, error=error.message, status=error.status
        )
    db.session.commit()
    toast("The rule on reasons is saved.")
    return see_other(url_for("stock.stock_settings"))


def _page(chosen: frozenset[int], *, version: int, error: str | None = None, status: int = 200) -> Response:
    return render(
        "stock/settings.html",
        roles=[role for role in role_summaries() if "stock.adjust" in role.permissions],
        chosen=chosen,
        version=version,
        reasons=queries.reasons(active=True),
        error=error,
        status=status,
    )
