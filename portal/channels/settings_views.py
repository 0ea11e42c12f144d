"""The screens that connect a shop and set what it is told."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.channels import queries, services
from portal.channels.connectors import KINDS
from portal.channels.forms import KeysForm, SettingsForm
from portal.channels.models import ChannelAccount
from portal.channels.views import bp
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base, version_in


@bp.get("/<int:account_id>/settings")
@requires("channels.edit")
def channel_settings(account_id: int) -> Response:
    account = services.account_of(account_id)
    values = services.account_values(account)
    form = SettingsForm(formdata=None, data={**values, "version": account.version, "base": pack_base(values)})
    return _settings_page(account, form)


@bp.post("/<int:account_id>/settings")
@requires("channels.edit")
def save_settings(account_id: int) -> ResponseReturnValue:
    account, form = services.account_of(account_id, lock=True), SettingsForm()
    if not form.validate():
        return _settings_page(account, form, status=422)
    try:
        services.change_shop(
            account,
            form.values(),
            base=unpack_base(form.base.data or ""),
            version=version_in(form.version.data),
            by=current_actor(),
        )
    except StaleError as error:
        return _stale(account_id, form, error)
    except DomainError as error:
        db.session.rollback()
        form[error.field or "name"].errors = [error.message]
        return _settings_page(services.account_of(account_id), form, status=error.status)
    has_keys = account.credentials is not None
    db.session.commit()
    if not has_keys:
        toast(
            "The settings are saved. Enter the keys of the new address, then test the connection.", "warning"
        )
        return see_other(url_for("channels.channel_settings", account_id=account_id))
    toast("The settings are saved.")
    return see_other(url_for("channels.channel", account_id=account_id))


@bp.post("/<int:account_id>/keys")
@requires("channels.edit")
def replace_keys(account_id: int) -> ResponseReturnValue:
    account, form = services.account_of(account_id, lock=True), KeysForm()
    values = services.account_values(account)
    settings = SettingsForm(
        formdata=None, data={**values, "version": account.version, "base": pack_base(values)}
    )
    if not form.validate():
        return _settings_page(account, settings, keys=form, status=422)
    try:
        services.replace_keys(account, form.key.data or "", form.secret.data or "", by=current_actor())
    except DomainError as error:
        db.session.rollback()
        form[error.field or "key"].errors = [error.message]
        return _settings_page(services.account_of(account_id), settings, keys=form, status=error.status)
    db.session.commit()
    toast("The new keys are saved. Test the connection, then switch the channel on again.")
    return see_other(url_for("channels.channel", account_id=account_id))


def _settings_page(
    account: ChannelAccount,
    form: SettingsForm,
    *,
    keys: KeysForm | None = None,
    status: int = 200,
    **context: Any,
) -> Response:
    return render(
        "channels/settings.html",
        account=account,
        health=queries.health_of(account),
        form=form,
        keys=keys or KeysForm(formdata=None),
        kind=KINDS[account.connector],
        status=status,
        **{"clashes": [], **context},
    )


def _stale(account_id: int, form: SettingsForm, error: StaleError) -> Response:
    db.session.rollback()
    account = services.account_of(account_id)
    now, base = services.account_values(account), unpack_base(form.base.data or "")
    clashes = [
        {"name": name, "label": form[name].label.text, "mine": _raw(mine), "theirs": _raw(theirs)}
        for name, (theirs, mine) in error.clashes.items()
    ]
    carried = [
        (name, _raw(now[name] if now[name] != base.get(name) else form[name].data))
        for name in services.ACCOUNT_FIELDS
        if name not in error.clashes
    ]
    carried = [(name, value) for name, value in carried if value]
    return _settings_page(
        account,
        form,
        clashes=clashes,
        carried=[*carried, ("base", pack_base(now))],
        version=account.version,
        status=409,
    )


def _raw(value: Any) -> str:
    """A value as its form field sends it: an unticked box sends nothing."""
    return "" if value is False else "y" if value is True else str(value)
