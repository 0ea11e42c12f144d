"""Coming in: sign in, sign out, forgotten password, invitation. All public, so all careful with words and time."""

from __future__ import annotations

from typing import Any

from flask import Response, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from portal.accounts import members
from portal.accounts import sign_in as signing_in
from portal.accounts.access import public_route
from portal.accounts.forms import AcceptInvitationForm, ForgottenPasswordForm, NewPasswordForm, SignInForm
from portal.accounts.models import Invitation
from portal.accounts.sessions import end_session, enter_scope, leave_scope
from portal.accounts.throttling import TooManyTriesError, admit_address
from portal.accounts.views import bp, show_error
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import path_or, render, see_other, toast


@bp.route("/sign-in", methods=["GET", "POST"])
@public_route("people sign in here")
def sign_in() -> ResponseReturnValue:
    target = path_or(request.args.get("next"), "/")
    if request.method == "GET" and g.identity is not None:
        return redirect(target, 303)
    leave_scope()
    form = SignInForm()
    if not form.validate_on_submit():
        return render(
            "accounts/sign_in.html", form=form, next=target, status=422 if form.is_submitted() else 200
        )
    try:
        user = signing_in.authenticate(form.email.data, form.password.data, address=request.remote_addr)
    except DomainError as error:
        return _refused(form, error, "accounts/sign_in.html", next=target)
    merchant_id = signing_in.sign_in(user)
    # Home knows where someone belongs who works for no merchant.
    return see_other(target if merchant_id is not None else "/")


@bp.post("/sign-out")
@public_route("signing out must work when the session has just ended")
def sign_out() -> ResponseReturnValue:
    leave_scope()
    end_session()
    db.session.commit()
    response = redirect(url_for("accounts.sign_in"), 303)
    # The back button must not show a customer to the next person at this desk.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    toast("You are signed out.")
    return response


@bp.route("/forgotten-password", methods=["GET", "POST"])
@public_route("people who cannot sign in start here")
def forgotten_password() -> ResponseReturnValue:
    leave_scope()
    form = ForgottenPasswordForm()
    if not form.validate_on_submit():
        return render(
            "accounts/forgotten_password.html",
            form=form,
            is_sent=False,
            status=422 if form.is_submitted() else 200,
        )
    try:
        signing_in.request_reset(form.email.data, address=request.remote_addr)
    except DomainError as error:
        return _refused(form, error, "accounts/forgotten_password.html", is_sent=False)
    return render("accounts/forgotten_password.html", form=form, is_sent=True)


@bp.route("/reset-password/<string:token>", methods=["GET", "POST"])
@public_route("the link in the mail is the permission")
def reset_password(token: str) -> ResponseReturnValue:
    leave_scope()
    enter_scope(None)
    form = NewPasswordForm()
    signing_in.user_of_reset(token)
    if form.validate_on_submit():
        try:
            signing_in.reset_password(token, form.password.data)
        except signing_in.ResetLinkError:
            raise
        except DomainError as error:
            return _refused(form, error, "accounts/reset_password.html", token=token)
        db.session.commit()
        session.clear()
        toast("Your new password is set. Sign in with it.")
        return see_other(url_for("accounts.sign_in"))
    return render(
        "accounts/reset_password.html", form=form, token=token, status=422 if form.is_submitted() else 200
    )


@bp.route("/invitations/<int:merchant_id>/<string:token>", methods=["GET", "POST"])
@public_route("the link in the mail is the permission")
def accept_invitation(merchant_id: int, token: str) -> ResponseReturnValue:
    admit_address(request.remote_addr) if request.method == "POST" else None
    enter_scope(merchant_id)
    invitation = members.open_invitation(token)
    known_user = members.user_invited_by(invitation)
    if known_user is not None:
        return _accept_signed_in(invitation, known_user.id)
    form = AcceptInvitationForm()
    shown: dict[str, Any] = {"email": invitation.email, "merchant": members.merchant_of(invitation)}
    if not form.validate_on_submit():
        return render(
            "accounts/accept_invitation.html",
            form=form,
            state="new",
            **shown,
            status=422 if form.is_submitted() else 200,
        )
    try:
        user = members.accept_as_new_user(invitation, name=form.name.data, password=form.password.data)
    except DomainError as error:
        return _refused(form, error, "accounts/accept_invitation.html", state="new", **shown)
    db.session.commit()
    user_id = user.id
    leave_scope()
    signing_in.sign_in(db.session.get_one(type(user), user_id))
    return see_other("/")


def _accept_signed_in(invitation: Invitation, user_id: int) -> ResponseReturnValue:
    """Someone who already signs in with that address accepts as themselves, so the link alone is not enough."""
    merchant = members.merchant_of(invitation)
    is_theirs = g.identity is not None and g.identity.id == user_id
    state = "accept" if is_theirs else "sign-in" if g.identity is None else "other"
    if request.method == "GET" or not is_theirs:
        return render(
            "accounts/accept_invitation.html",
            form=None,
            state=state,
            email=invitation.email,
            merchant=merchant,
        )
    user = members.user_invited_by(invitation)
    assert user is not None
    members.accept_as_user(invitation, user)
    db.session.commit()
    toast(f"You now work for {merchant.name} too.")
    return see_other(url_for("accounts.merchants"))


def _refused(
    form: SignInForm | ForgottenPasswordForm | NewPasswordForm | AcceptInvitationForm,
    error: DomainError,
    template: str,
    **context: Any,
) -> Response:
    db.session.rollback()
    show_error(form, error)
    response = render(template, form=form, status=error.status, **context)
    if isinstance(error, TooManyTriesError):
        response.headers["Retry-After"] = str(error.retry_after)
    return response
