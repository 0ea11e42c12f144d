"""Keys of programs: the list, a new one (its secret is shown once), and the end of one."""

from __future__ import annotations

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts import api_keys as keeping
from portal.accounts.access import current_actor, get_or_404, requires
from portal.accounts.forms import ApiKeyForm
from portal.accounts.models import ApiKey
from portal.accounts.views import bp, show_error
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.core.once import made_at, sent_once


@bp.get("/settings/api-keys")
@requires("settings.view")
def api_keys() -> Response:
    return _page(_form())


@bp.post("/settings/api-keys")
@requires("settings.edit", fresh=True)
@sent_once
def create_api_key() -> ResponseReturnValue:
    form = _form()
    if not form.validate():
        return _page(form, status=422)
    try:
        key, secret = keeping.create_key(
            name=form.name.data or "",
            scopes=form.scopes.data or (),
            channel_id=form.channel_id.data or None,
            rate_per_minute=form.rate_per_minute.data or 0,
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        show_error(form, error)
        return _page(form, status=error.status)
    name = key.name
    # Not after a redirect: the secret is kept nowhere, so there would be nothing to show.
    return made_at(
        url_for("accounts.api_keys"),
        shown=lambda: render("accounts/new_api_key.html", name=name, secret=secret),
        again="This form was sent already and made one key. Its secret is shown only once: "
        "if nobody copied it, revoke the key and make another.",
    )


@bp.post("/settings/api-keys/<int:key_id>/revocation")
@requires("settings.edit")
def revoke_api_key(key_id: int) -> ResponseReturnValue:
    key = get_or_404(ApiKey, key_id, lock=True)
    name = key.name
    try:
        keeping.revoke_key(key, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "warning")
        return see_other(url_for("accounts.api_keys"))
    db.session.commit()
    toast(f"The key {name} is revoked. Its next request is refused.")
    return see_other(url_for("accounts.api_keys"))


def _form() -> ApiKeyForm:
    form = ApiKeyForm()
    form.offer_channels(keeping.channel_choices())
    return form


def _page(form: ApiKeyForm, *, status: int = 200) -> Response:
    channels = dict(keeping.channel_choices())
    return render(
        "accounts/api_keys.html",
        keys=keeping.all_keys(),
        form=form,
        scopes=keeping.SCOPES,
        channels=channels,
        status=status,
    )
