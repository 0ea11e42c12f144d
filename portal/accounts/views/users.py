"""The people of the merchant: who works here, invite, change role, let go."""

from __future__ import annotations

from flask import Response, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from portal.accounts import members
from portal.accounts.access import current_actor, current_identity, get_or_404, requires
from portal.accounts.forms import InvitationForm, MemberRoleForm
from portal.accounts.models import Invitation, Membership
from portal.accounts.queries import member_detail, open_invitations
from portal.accounts.queries import members as all_members
from portal.accounts.roles import RoleSummary, permissions_of, role_summaries
from portal.accounts.views import bp, show_error
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError, NotFoundError
from portal.core.http import render, see_other, toast
from portal.core.once import made_at, sent_once


@bp.get("/users")
@requires("users.view")
def users() -> Response:
    return render("accounts/users.html", members=all_members(), invitations=open_invitations(), now=utc_now())


@bp.route("/users/invitations/new", methods=["GET", "POST"])
@requires("users.edit", fresh=True)
@sent_once
def invite_user() -> ResponseReturnValue:
    form, roles = InvitationForm(), _grantable_roles()
    form.role_id.choices = _choices(roles)
    if not form.validate_on_submit():
        return render(
            "accounts/invite_user.html", form=form, roles=roles, status=422 if form.is_submitted() else 200
        )
    try:
        offer = members.invite(
            email=form.email.data,
            role_id=form.role_id.data,
            own=current_identity().permissions,
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        show_error(form, error)
        return render("accounts/invite_user.html", form=form, roles=roles, status=error.status)
    return _sent(offer)


@bp.post("/users/invitations/<int:invitation_id>/renewal")
@requires("users.edit", fresh=True)
@sent_once
def renew_invitation(invitation_id: int) -> ResponseReturnValue:
    invitation = get_or_404(Invitation, invitation_id, lock=True)
    offer = members.renew_invitation(invitation, own=current_identity().permissions, by=current_actor())
    return _sent(offer)


@bp.post("/users/invitations/<int:invitation_id>/withdrawal")
@requires("users.edit")
def withdraw_invitation(invitation_id: int) -> ResponseReturnValue:
    members.withdraw_invitation(get_or_404(Invitation, invitation_id, lock=True), by=current_actor())
    db.session.commit()
    toast("The invitation is withdrawn; its link no longer works.")
    return see_other(url_for("accounts.users"))


@bp.get("/users/<int:user_id>")
@requires("users.view")
def user(user_id: int) -> Response:
    return _user_page(user_id, None)


@bp.post("/users/<int:user_id>/role")
@requires("users.edit", fresh=True)
def change_user_role(user_id: int) -> ResponseReturnValue:
    membership, form = get_or_404(Membership, user_id, lock=True), MemberRoleForm()
    form.role_id.choices = _choices(role_summaries())
    if not form.validate_on_submit():
        return _user_page(user_id, form, status=422)
    try:
        members.change_member_role(
            membership, form.role_id.data, own=current_identity().permissions, by=current_actor()
        )
    except DomainError as error:
        db.session.rollback()
        show_error(form, error)
        return _user_page(user_id, form, status=error.status)
    db.session.commit()
    toast("The role is changed. It counts from the next click on.")
    return see_other(url_for("accounts.user", user_id=user_id))


@bp.post("/users/<int:user_id>/deactivation")
@requires("users.edit", fresh=True)
def deactivate_user(user_id: int) -> ResponseReturnValue:
    membership = get_or_404(Membership, user_id, lock=True)
    members.deactivate_member(membership, own=current_identity().permissions, by=current_actor())
    db.session.commit()
    toast("This person no longer works here. What they did keeps their name.")
    return see_other(url_for("accounts.user", user_id=user_id))


@bp.post("/users/<int:user_id>/reactivation")
@requires("users.edit", fresh=True)
def reactivate_user(user_id: int) -> ResponseReturnValue:
    membership = get_or_404(Membership, user_id, lock=True)
    members.reactivate_member(membership, own=current_identity().permissions, by=current_actor())
    db.session.commit()
    toast("This person works here again.")
    return see_other(url_for("accounts.user", user_id=user_id))


def _user_page(user_id: int, form: MemberRoleForm | None, status: int = 200) -> Response:
    person = member_detail(user_id)
    if person is None:
        raise NotFoundError()
    own, roles = current_identity().permissions, role_summaries()
    if form is None:
        form = MemberRoleForm(role_id=person.role_id)
    may_change = permissions_of(person.role_id) <= own
    form.role_id.choices = _choices(
        role for role in roles if role.permissions <= own or role.id == person.role_id
    )
    return render(
        "accounts/user.html",
        colleague=person,
        form=form,
        roles=roles,
        may_change=may_change,
        is_self=person.user_id == current_identity().id,
        status=status,
    )


def _grantable_roles() -> list[RoleSummary]:
    own = current_identity().permissions
    return [role for role in role_summaries() if role.permissions <= own]


def _choices(roles: object) -> list[SelectChoice]:
    return [SelectChoice(str(role.id), role.name) for role in roles]  # type: ignore[attr-defined]


def _sent(offer: members.Offer) -> ResponseReturnValue:
    identity = current_identity()
    assert identity.merchant is not None
    answer = made_at(url_for("accounts.users"))
    members.send_invitation(
        offer, invited_by=identity.name, merchant_name=identity.merchant.name, locale=identity.merchant.locale
    )
    toast(f"An invitation is on its way to {offer.email}. It is good for a week.")
    return answer
