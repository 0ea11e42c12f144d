"""Roles: what each allows, and the editor of the merchant's own."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts import roles as keeping
from portal.accounts.access import current_actor, current_identity, get_or_404, requires
from portal.accounts.forms import RoleForm
from portal.accounts.models import Role
from portal.accounts.permissions import AREAS, SENSITIVE
from portal.accounts.views import bp, conflict_of, show_error, version_in
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast, whole_key
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once


@bp.get("/roles")
@requires("users.view")
def roles() -> Response:
    return render("accounts/roles.html", roles=keeping.role_summaries(), areas=AREAS, sensitive=SENSITIVE)


@bp.get("/roles/<int:role_id>")
@requires("users.view")
def role(role_id: int) -> Response:
    found = get_or_404(Role, role_id)
    return render(
        "accounts/role.html",
        role=found,
        granted=keeping.permissions_of(role_id),
        areas=AREAS,
        sensitive=SENSITIVE,
    )


@bp.route("/roles/new", methods=["GET", "POST"])
@requires("users.edit", fresh=True)
@sent_once
def new_role() -> ResponseReturnValue:
    form, own = RoleForm(), current_identity().permissions
    if form.validate_on_submit():
        try:
            made = keeping.create_role(
                name=form.name.data,
                description=form.description.data or "",
                permissions=form.permissions.data,
                own=own,
                by=current_actor(),
            )
        except DomainError as error:
            return _refused(form, error, None)
        toast("The role is there. Give it to someone on their page.")
        return made_at(url_for("accounts.role", role_id=made.id))
    copied = request.args.get("copy", type=whole_key)
    if copied is not None and not form.is_submitted():
        source = get_or_404(Role, copied)
        form.name.data, form.description.data = f"{source.name} (copy)", source.description
        form.permissions.data = sorted(keeping.permissions_of(copied) & own)
    return _editor(form, None, 422 if form.is_submitted() else 200)


@bp.route("/roles/<int:role_id>/edit", methods=["GET", "POST"])
@requires("users.edit", fresh=True)
def edit_role(role_id: int) -> ResponseReturnValue:
    found = get_or_404(Role, role_id, lock=request.method == "POST")
    if found.is_built_in:
        return see_other(url_for("accounts.role", role_id=role_id))
    values = keeping.role_values(found)
    form = RoleForm(data=values)
    if not form.is_submitted():
        form.version.data, form.base.data = str(found.version), pack_base(values)
    if not form.validate_on_submit():
        return _editor(form, found, 422 if form.is_submitted() else 200)
    own, granted = current_identity().permissions, frozenset(values["permissions"])
    # What this person may not touch is not in their form, and stays.
    chosen = (set(form.permissions.data) & own) | (granted - own)
    try:
        keeping.change_role(
            found,
            name=form.name.data,
            description=form.description.data or "",
            permissions=chosen,
            base=unpack_base(form.base.data or ""),
            own=own,
            version=version_in(form),
            by=current_actor(),
        )
    except StaleError as error:
        db.session.rollback()
        return _stale(form, error, role_id)
    except DomainError as error:
        return _refused(form, error, role_id)
    db.session.commit()
    toast("The role is saved. Everyone who holds it has it so from their next click on.")
    return see_other(url_for("accounts.role", role_id=role_id))


@bp.post("/roles/<int:role_id>/deletion")
@requires("users.edit", fresh=True)
def delete_role(role_id: int) -> ResponseReturnValue:
    found = get_or_404(Role, role_id, lock=True)
    keeping.delete_role(found, own=current_identity().permissions, by=current_actor())
    db.session.commit()
    toast("The role is gone.")
    return see_other(url_for("accounts.roles"))


def _editor(
    form: RoleForm, found: Role | None, status: int, conflict: dict[str, Any] | None = None
) -> Response:
    return render(
        "accounts/edit_role.html",
        form=form,
        role=found,
        own=current_identity().permissions,
        areas=AREAS,
        sensitive=SENSITIVE,
        conflict=conflict,
        status=status,
    )


def _stale(form: RoleForm, error: StaleError, role_id: int) -> Response:
    found = get_or_404(Role, role_id)
    base = unpack_base(form.base.data or "")
    return _editor(form, found, 409, conflict=conflict_of(form, error, keeping.role_values(found), base))


def _refused(form: RoleForm, error: DomainError, role_id: int | None) -> Response:
    db.session.rollback()
    show_error(form, error)
    return _editor(form, get_or_404(Role, role_id) if role_id is not None else None, error.status)
