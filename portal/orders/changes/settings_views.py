"""Settings: who may give back how much, when a second person must agree, how long a buyer may withdraw."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.orders.changes import limits
from portal.orders.changes import rules as own
from portal.orders.changes.reading import amount_of, units_of
from portal.orders.views.blueprint import version_seen

bp = Blueprint("refund_rules", __name__)


@bp.get("/settings/refunds")
@requires("settings.view")
def rules() -> Response:
    return _page({}, None)


@bp.post("/settings/refunds")
@requires("settings.edit")
def save_rules() -> ResponseReturnValue:
    try:
        values = {
            "second_approver_above": amount_of(request.form, "second_approver_above"),
            "standard_delivery": amount_of(request.form, "standard_delivery"),
            "withdrawal_days": units_of(request.form, "withdrawal_days"),
            "refund_days": units_of(request.form, "refund_days"),
        }
        own.save_rules(values, version=version_seen(), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _page(request.form, error)
    db.session.commit()
    toast("The rules are saved.")
    return see_other(url_for("refund_rules.rules"))


@bp.post("/settings/refunds/limits/<int:role_id>")
@requires("settings.edit")
def save_limit(role_id: int) -> ResponseReturnValue:
    try:
        own.save_limit(
            role_id,
            amount_of(request.form, "at_once"),
            amount_of(request.form, "per_day"),
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        if error.status == 404:
            raise
        return _page(request.form, error, role_id=role_id)
    db.session.commit()
    toast("The limit is saved.")
    return see_other(url_for("refund_rules.rules"))


def _page(typed: Mapping[str, str], error: DomainError | None, *, role_id: int | None = None) -> Response:
    return render(
        "orders/changes/settings.html", rules=limits.rules(), roles=limits.role_limits(), currency=own.own_currency(), typed=typed,
        error=error, of_role=role_id, status=error.status if error else 200,
    )  # fmt: skip
