"""The person's own account: profile, password, sessions, preferences, which merchant to work for."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts import services, sessions
from portal.accounts.access import current_actor, current_identity, signed_in
from portal.accounts.confirmation import WRONG
from portal.accounts.confirmation import confirm as confirm_password
from portal.accounts.forms import ChangePasswordForm, ConfirmForm, ProfileForm
from portal.accounts.models import User
from portal.accounts.queries import merchants_of
from portal.accounts.throttling import admit_password, give_back
from portal.accounts.views import bp, show_error
from portal.config import settings
from portal.core.audit import record
from portal.core.database import db, merchant_scope
from portal.core.errors import DomainError, NotFoundError
from portal.core.http import path_or, previous_path, render, see_other, toast

OWN: Final = "everyone minds their own account"
YEAR: Final = 365 * 24 * 3600


@bp.route("/account", methods=["GET", "POST"])
@signed_in(OWN)
def profile() -> ResponseReturnValue:
    user = db.session.get_one(User, current_identity().id)
    form = ProfileForm(obj=user)
    if form.validate_on_submit():
        services.change_profile(
            user,
            name=form.name.data,
            locale=form.locale.data,
            time_zone=form.time_zone.data,
            by=current_actor(),
        )
        db.session.commit()
        toast("Your profile is saved.")
        return see_other(url_for("accounts.profile"))
    return render(
        "accounts/profile.html", form=form, email=user.email, status=422 if form.is_submitted() else 200
    )


@bp.route("/account/password", methods=["GET", "POST"])
@signed_in(OWN)
def password() -> ResponseReturnValue:
    identity, form = current_identity(), ChangePasswordForm()
    if not form.validate_on_submit():
        return render("accounts/password.html", form=form, status=422 if form.is_submitted() else 200)
    try:
        admission = admit_password(identity.email)
        user = db.session.get_one(User, identity.id)
        ended = services.change_password(
            user,
            current=form.current.data,
            new=form.password.data,
            session_id=identity.session_id,
            by=current_actor(),
        )
        give_back(admission)
    except DomainError as error:
        show_error(form, error)
        return render("accounts/password.html", form=form, status=error.status)
    sessions.mark_confirmed(identity.session_id)
    db.session.commit()
    toast(
        "Your password is changed."
        + (
            f" {ended} other sessions were signed out."
            if ended > 1
            else " One other session was signed out."
            if ended
            else ""
        )
    )
    return see_other(url_for("accounts.profile"))


@bp.get("/account/sessions")
@signed_in(OWN)
def own_sessions() -> Response:
    identity = current_identity()
    return render(
        "accounts/sessions.html",
        sessions=sessions.living_sessions(identity.id, identity.idle_limit),
        this_session=identity.session_id,
    )


@bp.post("/account/sessions/<int:session_id>/revocation")
@signed_in(OWN)
def revoke_session(session_id: int) -> ResponseReturnValue:
    identity = current_identity()
    if not sessions.end_session_of(identity.id, session_id):
        raise NotFoundError("This session has ended already.")
    record(
        action="user.session-revoked",
        by=current_actor(),
        subject=("user", identity.id),
        after={"session_id": session_id},
    )
    db.session.commit()
    toast("That session is signed out.")
    return see_other(url_for("accounts.own_sessions"))


@bp.post("/account/other-sessions/revocation")
@signed_in(OWN)
def revoke_other_sessions() -> ResponseReturnValue:
    identity = current_identity()
    ended = sessions.end_sessions_of(identity.id, but=identity.session_id)
    record(
        action="user.sessions-revoked",
        by=current_actor(),
        subject=("user", identity.id),
        after={"sessions_ended": ended},
    )
    db.session.commit()
    toast("Every other session is signed out.")
    return see_other(url_for("accounts.own_sessions"))


@bp.post("/account/preferences")
@signed_in(OWN)
def preferences() -> ResponseReturnValue:
    theme, density = request.form.get("theme"), request.form.get("density")
    response = see_other(previous_path("/"))
    assert isinstance(response, Response)
    if theme in {"auto", "light", "dark"}:
        db.session.get_one(User, current_identity().id).theme = theme
        db.session.commit()
        _remember(response, "theme", theme)
    if density in {"normal", "compact"}:
        _remember(response, "density", density)
    return response


@bp.route("/account/confirmation", methods=["GET", "POST"])
@signed_in(OWN)
def confirm() -> ResponseReturnValue:
    form, target = ConfirmForm(), path_or(request.args.get("next"), "/")
    shown: dict[str, Any] = {
        "form": form,
        "carried": [],
        "action": url_for("accounts.confirm", next=target),
        "error": None,
    }
    if not form.validate_on_submit():
        return render("accounts/confirm.html", **shown, status=422 if form.is_submitted() else 200)
    try:
        is_right = confirm_password(current_identity(), form.confirm_password.data)
    except DomainError as error:
        return render("accounts/confirm.html", **shown | {"error": error.message}, status=error.status)
    if not is_right:
        return render("accounts/confirm.html", **shown | {"error": WRONG}, status=422)
    return see_other(target)


@bp.get("/account/merchants")
@signed_in("whoever works for no merchant yet must see that, and why")
def merchants() -> Response:
    return render("accounts/merchants.html", choices=merchants_of(current_identity().id))


@bp.post("/account/merchants/<int:merchant_id>/selection")
@signed_in("a member of several merchants chooses one")
def select_merchant(merchant_id: int) -> ResponseReturnValue:
    identity = current_identity()
    chosen = next((each for each in merchants_of(identity.id) if each.id == merchant_id), None)
    if chosen is None:
        raise NotFoundError()
    sessions.work_for(identity.session_id, merchant_id)
    db.session.get_one(User, identity.id).last_merchant_id = merchant_id
    db.session.commit()
    sessions.leave_scope()
    with merchant_scope(merchant_id):
        record(
            action="user.entered",
            by=identity.actor,
            subject=("user", identity.id),
            after={"session_id": identity.session_id},
        )
        db.session.commit()
    toast(f"You now work for {chosen.name}.")
    return see_other("/")


def _remember(response: Response, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=YEAR, secure=settings().is_https, httponly=True, samesite="Lax", path="/"
    )
