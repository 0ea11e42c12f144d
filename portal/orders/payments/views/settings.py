"""The gateways of a merchant, and when money is taken."""

from __future__ import annotations

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.config import settings as installation
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import public_link, render, see_other, toast
from portal.core.merging import version_in
from portal.core.once import made_at, sent_once
from portal.orders.gateways import KINDS, kinds_for
from portal.orders.models import GatewayAccount
from portal.orders.payments import accounts, preferences
from portal.orders.payments.forms import AccountForm, NewAccountForm, PreferencesForm
from portal.orders.payments.views.blueprint import bp


@bp.get("/settings/payments")
@requires("settings.view")
def payment_settings() -> Response:
    return _page()


@bp.post("/settings/payments")
@requires("settings.edit")
def save_preferences() -> ResponseReturnValue:
    form = PreferencesForm()
    if not form.validate():
        return _page(form, status=422)
    try:
        preferences.change_preferences(
            form.capture_on.data,
            form.link_days.data,
            version=version_in(form.version.data),
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        if error.field:
            form[error.field].errors = [error.message]
            return _page(form, status=error.status)
        toast(error.message, "warning")
        return see_other(url_for("payments.payment_settings"))
    db.session.commit()
    toast("The settings are saved.")
    return see_other(url_for("payments.payment_settings"))


@bp.get("/settings/payments/new")
@requires("settings.edit")
def new_gateway() -> Response:
    return _new_page(NewAccountForm(formdata=None, data={"mode": "test"}))


@bp.post("/settings/payments/new")
@requires("settings.edit", fresh=True)
@sent_once
def connect_gateway() -> ResponseReturnValue:
    form = NewAccountForm()
    if not form.validate():
        return _new_page(form, status=422)
    try:
        account = accounts.connect_account(form.kind.data, form.values(), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        form[error.field or "name"].errors = [error.message]
        return _new_page(form, status=error.status)
    account_id = account.id
    toast("The account is saved as a draft. Test it next.")
    return made_at(url_for("payments.gateway", gateway_id=account_id))


@bp.get("/settings/payments/<int:gateway_id>")
@requires("settings.view")
def gateway(gateway_id: int) -> Response:
    account = accounts.account_of(gateway_id)
    return _account_page(gateway_id, _filled(account))


@bp.post("/settings/payments/<int:gateway_id>")
@requires("settings.edit", fresh=True)
def save_gateway(gateway_id: int) -> ResponseReturnValue:
    account, form = accounts.account_of(gateway_id, lock=True), AccountForm()
    if not form.validate():
        return _account_page(gateway_id, form, status=422)
    had_tested = accounts.is_tested(account)
    try:
        accounts.change_account(account, form.values(), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        if error.field:
            form[error.field].errors = [error.message]
        return _account_page(
            gateway_id, form, status=error.status, problem=None if error.field else error.message
        )
    needs_test = had_tested and not accounts.is_tested(account)
    db.session.commit()
    toast("Saved. Test the account, then switch it on again." if needs_test else "The account is saved.")
    return see_other(url_for("payments.gateway", gateway_id=gateway_id))


@bp.post("/settings/payments/<int:gateway_id>/test")
@requires("settings.edit")
def test_gateway(gateway_id: int) -> ResponseReturnValue:
    try:
        said = accounts.test_account(accounts.account_of(gateway_id), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(f"The test failed. {error.message}", "danger")
        return see_other(url_for("payments.gateway", gateway_id=gateway_id))
    return _done(gateway_id, said)


@bp.post("/settings/payments/<int:gateway_id>/on")
@requires("settings.edit")
def switch_gateway_on(gateway_id: int) -> ResponseReturnValue:
    accounts.switch_on(accounts.account_of(gateway_id, lock=True), by=current_actor())
    return _done(gateway_id, "The gateway is on: new payments may go through it.")


@bp.post("/settings/payments/<int:gateway_id>/off")
@requires("settings.edit")
def switch_gateway_off(gateway_id: int) -> ResponseReturnValue:
    accounts.switch_off(accounts.account_of(gateway_id, lock=True), by=current_actor())
    return _done(gateway_id, "No new payment goes through it. What is under way goes on.")


@bp.post("/settings/payments/<int:gateway_id>/default")
@requires("settings.edit")
def make_default(gateway_id: int) -> ResponseReturnValue:
    accounts.make_default(accounts.account_of(gateway_id, lock=True), by=current_actor())
    return _done(gateway_id, "Payment links and phone orders use this account now.")


def _page(form: PreferencesForm | None = None, *, status: int = 200) -> Response:
    now = preferences.preferences()
    filled = form or PreferencesForm(
        formdata=None, data={"capture_on": now.capture_on, "link_days": now.link_days, "version": now.version}
    )
    return render(
        "orders/payments/settings.html", accounts=accounts.accounts(), kinds=KINDS, is_tested=accounts.is_tested,
        form=filled, status=status,
    )  # fmt: skip


def _new_page(form: NewAccountForm, *, status: int = 200) -> Response:
    return render(
        "orders/payments/new_gateway.html", form=form, kinds=kinds_for(installation()), status=status
    )


def _account_page(
    gateway_id: int, form: AccountForm, *, status: int = 200, problem: str | None = None
) -> Response:
    account = accounts.account_of(gateway_id)
    return render(
        "orders/payments/gateway.html", account=account, kind=KINDS[account.kind], form=form, problem=problem, status=status,
        is_tested=accounts.is_tested(account), webhook_url=public_link(accounts.webhook_path(account)),
    )  # fmt: skip


def _filled(account: GatewayAccount) -> AccountForm:
    return AccountForm(
        formdata=None,
        data={
            "name": account.name,
            "mode": account.mode,
            "base_url": account.base_url,
            "version": account.version,
        },
    )


def _done(gateway_id: int, words: str) -> ResponseReturnValue:
    db.session.commit()
    toast(words)
    return see_other(url_for("payments.gateway", gateway_id=gateway_id))
