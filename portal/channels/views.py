"""The screens of channels: the shops, and what each is doing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.routing import BuildError

from portal.accounts.access import can, current_actor, current_identity, requires
from portal.channels import keys, queries, services
from portal.channels.connectors import KINDS
from portal.channels.forms import ConnectForm, SettingsForm
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, render_region, see_other, toast
from portal.core.once import made_at, sent_once

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
    merchant = current_identity().merchant
    form = ConnectForm(formdata=None, data={"price_currency": merchant.currency if merchant else None})
    return render("channels/new_channel.html", form=form, kinds=KINDS)


@bp.post("/new")
@requires("channels.edit")
@sent_once
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
    toast("The shop is saved as a draft. Test the connection next.")
    return made_at(url_for("channels.channel", account_id=account_id))


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


@bp.post("/<int:account_id>/test")
@requires("channels.edit")
def test_connection(account_id: int) -> ResponseReturnValue:
    account = services.account_of(account_id)
    try:
        said = keys.test_shop(account, by=current_actor())
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


def _refused(template: str, form: SettingsForm, error: DomainError, **context: Any) -> Response:
    db.session.rollback()
    form[error.field or "name"].errors = [error.message]
    return render(template, form=form, status=error.status, **context)
