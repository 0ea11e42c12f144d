"""The merchant's settings."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts import services
from portal.accounts.access import can, current_actor, current_identity, requires
from portal.accounts.forms import MerchantForm
from portal.accounts.models import Merchant
from portal.accounts.views import bp, show_error
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast


@bp.get("/settings/merchant")
@requires("settings.view")
def merchant_settings() -> Response:
    merchant = db.session.get_one(Merchant, _merchant_id())
    values = services.merchant_values(merchant)
    form = MerchantForm(formdata=None, data=values | _opened(merchant))
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
        services.change_merchant(merchant, values, version=_version(form), base=_base(form), by=current_actor())
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
    return render("accounts/merchant_settings.html", form=form, may_edit=can("settings.edit"), status=status,
                  **{"clashes": [], **context})


def _stale(form: MerchantForm, error: StaleError) -> Response:
    merchant = db.session.get_one(Merchant, _merchant_id())
    clashes = [
        {"name": name, "label": form[name].label.text, "mine": form[name].data, "theirs": theirs}
        for name, (theirs, _mine) in error.clashes.items()
    ]
    # What only they changed is taken over; else saving again would take it back.
    base, now = _base(form), services.merchant_values(merchant)
    for name, theirs in now.items():
        if name not in error.clashes and theirs != base.get(name):
            form[name].data = theirs
    opened = _opened(merchant)
    form.version.data, form.base.data = opened["version"], opened["base"]
    return _page(form, 409, clashes=clashes)


def _opened(merchant: Merchant) -> dict[str, Any]:
    return {"version": str(merchant.version), "base": json.dumps(services.merchant_values(merchant))}


def _base(form: MerchantForm) -> dict[str, Any]:
    try:
        sent = json.loads(form.base.data or "{}")
    except ValueError:
        return {}
    return sent if isinstance(sent, dict) else {}


def _version(form: MerchantForm) -> int:
    text = form.version.data or ""
    return int(text) if text.isdigit() and len(text) < 10 else 0


def _merchant_id() -> int:
    merchant = current_identity().merchant
    assert merchant is not None
    return merchant.id
