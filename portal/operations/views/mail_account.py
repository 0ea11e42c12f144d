"""The SMTP account: saved, tested, then switched on. The password is never shown, only its last four."""

from __future__ import annotations

from flask import Response, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from portal.accounts.access import can, current_actor, requires
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.mail import accounts, send_mail
from portal.core.mail.accounts import AccountValues
from portal.core.merging import version_in
from portal.core.once import made_at, sent_once
from portal.operations.forms import MailAccountForm
from portal.operations.views import bp


@bp.get("/mail-account")
@requires("settings.view")
def mail_account() -> Response:
    account = accounts.mail_account()
    form = (
        MailAccountForm(formdata=None, obj=account)
        if account
        else MailAccountForm(formdata=None, data={"port": 587, "security": "starttls", "version": "0"})
    )
    return _page(form)


@bp.post("/mail-account")
@requires("settings.edit")
def save_mail_account() -> ResponseReturnValue:
    form = MailAccountForm()
    if not form.validate():
        return _page(form, 422)
    try:
        accounts.save_account(_values(form), version=version_in(form.version.data), by=current_actor())
    except StaleError as error:
        db.session.rollback()
        return _page(form, 409, clashes=error.clashes)
    except DomainError as error:
        db.session.rollback()
        field = {"security": form.security, "password": form.password}.get(error.field or "", form.host)
        field.errors = [*field.errors, error.message]
        return _page(form, error.status)
    db.session.commit()
    toast("The settings are saved. Test them, then switch them on.", "info")
    return see_other(url_for(".mail_account"))


@bp.post("/mail-account/test")
@requires("settings.edit")
def test_mail_account() -> ResponseReturnValue:
    try:
        accounts.test_account(by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for(".mail_account"))
    db.session.commit()
    toast("The server was reached and took the sign-in. You can switch it on.")
    return see_other(url_for(".mail_account"))


@bp.post("/mail-account/activation")
@requires("settings.edit")
def switch_on_mail_account() -> ResponseReturnValue:
    return _switch(True, "Mail goes through your server from now on.")


@bp.post("/mail-account/deactivation")
@requires("settings.edit")
def switch_off_mail_account() -> ResponseReturnValue:
    return _switch(False, "Mail goes through the portal's own server again.")


@bp.post("/mail-account/trial")
@requires("settings.edit")
@sent_once
def send_trial_message() -> ResponseReturnValue:
    message = send_mail("mail_test", to=current_user.email, context={"shop": "your shop"}, by=current_actor())
    toast("A message to you is on its way.")
    return made_at(url_for(".message", message_id=message.id))


def _switch(on: bool, words: str) -> ResponseReturnValue:
    try:
        accounts.switch_account(on, by=current_actor())
    except ConflictError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for(".mail_account"))
    db.session.commit()
    toast(words)
    return see_other(url_for(".mail_account"))


def _page(
    form: MailAccountForm, status: int = 200, *, clashes: dict[str, tuple[object, object]] | None = None
) -> Response:
    account = accounts.mail_account()
    if clashes is not None and account is not None:
        # Saving again puts the typed values in place of theirs, knowingly.
        form.version.data = str(account.version)
    return render(
        "operations/mail_account.html",
        form=form,
        account=account,
        may_edit=can("settings.edit"),
        clashes=clashes or {},
        status=status,
    )


def _values(form: MailAccountForm) -> AccountValues:
    return AccountValues(
        host=(form.host.data or "").strip(),
        port=form.port.data or 0,
        security=form.security.data,
        username=form.username.data or "",
        password=form.password.data or "",
        sender=(form.sender.data or "").strip(),
        sender_name=form.sender_name.data or "",
    )
