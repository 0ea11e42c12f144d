"""The screens of channels: the shops, and what each is doing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.routing import BuildError

from portal.accounts.access import can, current_actor, requires
from portal.channels import queries, services
from portal.channels.connectors import KINDS
from portal.channels.forms import ConnectForm, KeysForm, SettingsForm
from portal.channels.models import ChannelAccount
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, render_region, see_other, toast
from portal.core.merging import pack_base, unpack_base

bp = Blueprint("channels", __name__, url_prefix="/channels")


@bp.url_defaults
def stay_in_account(endpoint: str, values: dict[str, Any]) -> None:
    """A link between pages of one account need not name it again."""
    account_id = (request.view_args or {}).get("account_id") if request else None
    if (
        account_id
        and "account_id" not in values
        and current_app.url_map.is_endpoint_expecting(endpoint, "account_id")
    ):
        values["account_id"] = account_id


@bp.get("")
@requires("channels.view")
def channels() -> Response:
    return render("channels/channels.html", accounts=queries.accounts_with_health(), kinds=KINDS)


@bp.get("/failing")
@requires("channels.view")
def failing_region() -> Response:
    return render_region("channels/_failing.html", title="Failing syncs", failing=queries.failing_accounts())


@bp.get("/new")
@requires("channels.edit")
def new_channel() -> Response:
    return render("channels/new_channel.html", form=ConnectForm(formdata=None), kinds=KINDS)


@bp.post("/new")
@requires("channels.edit")
def create_channel() -> ResponseReturnValue:
    form = ConnectForm()
    if not form.validate():
        return render("channels/new_channel.html", form=form, kinds=KINDS, status=422)
    try:
        account = services.connect_shop(
            form.connector.data,
            form.values(),
            form.key.data or "",
            form.secret.data or "",
            by=current_actor(),
        )
    except DomainError as error:
        return _refused("channels/new_channel.html", form, error, kinds=KINDS)
    account_id = account.id
    db.session.commit()
    toast("The shop is saved as a draft. Test the connection next.")
    return see_other(url_for("channels.channel", account_id=account_id))


@bp.get("/<int:account_id>")
@requires("channels.view")
def channel(account_id: int) -> Response:
    account = services.account_of(account_id)
    return render(
        "channels/channel.html",
        account=account,
        health=queries.health_of(account),
        kind=KINDS[account.connector],
    )


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
            version=int(form.version.data or 0),
            by=current_actor(),
        )
    except StaleError as error:
        return _stale(account_id, form, error)
    except DomainError as error:
        db.session.rollback()
        form[error.field or "name"].errors = [error.message]
        return _settings_page(services.account_of(account_id), form, status=error.status)
    db.session.commit()
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


@bp.post("/<int:account_id>/test")
@requires("channels.edit")
def test_connection(account_id: int) -> ResponseReturnValue:
    try:
        said = services.test_shop(services.account_of(account_id), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(f"The test failed. {error.message}", "danger")
        return see_other(url_for("channels.channel", account_id=account_id))
    if services.account_of(account_id).state == "draft":
        services.request_compare(account_id, by=current_actor())
        said += " Its articles are being read and matched by SKU."
    db.session.commit()
    toast(said)
    return see_other(url_for("channels.channel", account_id=account_id))


@bp.post("/<int:account_id>/on")
@requires("channels.edit")
def switch_on(account_id: int) -> ResponseReturnValue:
    services.switch_on(services.account_of(account_id, lock=True), by=current_actor())
    return _done(account_id, "The channel is on: orders come in, stock and prices go out.")


@bp.post("/<int:account_id>/off")
@requires("channels.edit")
def switch_off(account_id: int) -> ResponseReturnValue:
    services.switch_off(services.account_of(account_id, lock=True), by=current_actor())
    return _done(account_id, "The channel is paused. What changes meanwhile is remembered.")


@bp.post("/<int:account_id>/sync")
@requires("channels.edit")
def sync_now(account_id: int) -> ResponseReturnValue:
    services.require_running(services.account_of(account_id))
    services.request_sync(account_id, by=current_actor(), now=True)
    return _done(account_id, "The next turn begins now.")


@bp.post("/<int:account_id>/push")
@requires("channels.edit")
def push_all(account_id: int) -> ResponseReturnValue:
    count = services.push_all(services.account_of(account_id), by=current_actor())
    return _done(account_id, f"{count} articles are sent again.")


@bp.post("/<int:account_id>/replay")
@requires("channels.edit")
def replay_dead(account_id: int) -> ResponseReturnValue:
    count = services.push_all(services.account_of(account_id), "dead", "failed", by=current_actor())
    return _done(account_id, f"{count} articles are tried again.")


@bp.post("/<int:account_id>/compare")
@requires("channels.edit")
def compare(account_id: int) -> ResponseReturnValue:
    account = services.account_of(account_id)
    if account.tested_at is None:
        raise DomainError("Test the connection first.")
    services.request_compare(account_id, by=current_actor())
    return _done(
        account_id, "The whole shop is being read. The differences stand under Drift when it is done."
    )


@bp.get("/<int:account_id>/drift")
@requires("channels.view")
def drift(account_id: int) -> Response:
    account = services.account_of(account_id)
    return render(
        "channels/drift.html",
        account=account,
        health=queries.health_of(account),
        rows=queries.drift(account_id),
    )


@bp.post("/<int:account_id>/drift")
@requires("channels.edit")
def correct_drift(account_id: int) -> ResponseReturnValue:
    count = services.correct_drift(
        services.account_of(account_id), queries.drifted_ids(account_id), by=current_actor()
    )
    return _done(account_id, f"Our values are sent for {count} articles.", "channels.drift")


@bp.get("/<int:account_id>/log")
@requires("channels.view")
def log(account_id: int) -> Response:
    account = services.account_of(account_id)
    return render(
        "channels/log.html",
        account=account,
        health=queries.health_of(account),
        calls=queries.deliveries(account_id),
    )


def order_url(number: str | None) -> str | None:
    """The page of an order of ours, for those who may see it."""
    if number is None or not can("orders.view"):
        return None
    try:
        return url_for("orders.order", number=number)
    except BuildError:
        return None


def _done(account_id: int, words: str, endpoint: str = "channels.channel") -> ResponseReturnValue:
    db.session.commit()
    toast(words)
    return see_other(url_for(endpoint, account_id=account_id))


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


def _refused(template: str, form: SettingsForm, error: DomainError, **context: Any) -> Response:
    db.session.rollback()
    form[error.field or "name"].errors = [error.message]
    return render(template, form=form, status=error.status, **context)


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
