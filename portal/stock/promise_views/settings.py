"""When units are allocated and how long they are kept: the merchant's setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog import typed
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.stock.promise_settings import MOMENT_WORDS, save_promise_setting, setting_values
from portal.stock.promise_views.blueprint import bp


@bp.get("/allocation-settings")
@requires("settings.view")
def promise_settings() -> Response:
    return _page(setting_values())


@bp.post("/allocation-settings")
@requires("settings.edit")
def save_promise_settings() -> ResponseReturnValue:
    sent = request.form
    version = typed.whole(sent.get("version", "0"), "version", "The version") or 0
    try:
        values = {
            "allocate_on": sent.get("allocate_on", ""),
            "basket_minutes": typed.whole(sent.get("basket_minutes", ""), "basket_minutes", "The time"),
            "payment_minutes": typed.whole(sent.get("payment_minutes", ""), "payment_minutes", "The time"),
            "heats_by_itself": "heats_by_itself" in sent,
            "hot_slots": typed.whole(sent.get("hot_slots", ""), "hot_slots", "The number of slots"),
        }
        save_promise_setting(values, version=version, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        now = setting_values()
        return _page(
            {**dict(sent), "heats_by_itself": "heats_by_itself" in sent, "version": now["version"]},
            errors={error.field or "allocate_on": error.message},
            status=error.status,
        )
    db.session.commit()
    toast("The setting is saved.")
    return see_other(url_for("promises.promise_settings"))


def _page(
    values: Mapping[str, Any], *, errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    return render(
        "stock/promises/settings.html",
        values=values,
        moments=MOMENT_WORDS,
        errors=errors or {},
        status=status,
    )
