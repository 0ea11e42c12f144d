"""The merchant's settings."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts import services
from portal.accounts.access import can, current_actor, current_identity, requires
from portal.accounts.forms import MerchantForm
from portal.accounts.models import Merchant
from portal.accounts.views import bp, conflict_of, show_error, version_in
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base


@bp.get("/settings/merchant")
@requires("settings.view")
def merchant_settings() -> Response:
    merchant = db.session.get_one(Merchant, _merchant_id())
    values = services.merchant_values(merchant)
    form = MerchantForm(
        formdata=None, data=values | {"version": str(merchant.version), "base": pack_base(values)}
    )
    return _page(form, 200)


@bp.post("/settings/merchant")
@requires("settings.edit")
def save_merchant_settings() -> ResponseReturnValue:
    merchant = db.session.get_one(Merchant, _merchant_id(), with_for_update=True)
    form = MerchantForm()
    if not form.validate():
        return _page(form, 422)
    values = {name: form[name].data for name in services.merchant_values(merchant)}
    try:
        base = unpack_base(form.base.data or "")
        services.change_merchant(merchant, values, version=version_in(form), base=base, by=current_actor())
    except StaleError as error:
        db.session.rollback()
        return _stale(form, error)
    except DomainError as error:
        db.session.rollback()
        show_error(form, error)
        return _page(form, error.status)
    db.session.commit()
    toast("The settings are saved.")
    return see_other(url_for("accounts.merchant_settings"))


def _page(form: MerchantForm, status: int, **context: Any) -> Response:
    return render(
        "accounts/merchant_settings.html",
        form=form,
        may_edit=can("settings.edit"),
        status=status,
        **{"conflict": None, **context},
    )


def _stale(form: MerchantForm, error: StaleError) -> Response:
    now = services.merchant_values(db.session.get_one(Merchant, _merchant_id()))
    return _page(form, 409, conflict=conflict_of(form, error, now, unpack_base(form.base.data or "")))


def _merchant_id() -> int:
    merchant = current_identity().merchant
    assert merchant is not None
    return merchant.id
