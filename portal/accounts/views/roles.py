"""Roles: what each allows, and the editor of the merchant's own."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts import roles as keeping
from portal.accounts.access import current_actor, current_identity, get_or_404, requires
from portal.accounts.forms import RoleForm
from portal.accounts.models import Role
from portal.accounts.permissions import AREAS, SENSITIVE
from portal.accounts.views import bp, show_error
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast


@bp.get("/roles")
@requires("users.view")
def roles() -> Response:
    return render("accounts/roles.html", roles=keeping.role_summaries(), areas=AREAS, sensitive=SENSITIVE)


@bp.get("/roles/<int:role_id>")
@requires("users.view")
def role(role_id: int) -> Response:
    found = get_or_404(Role, role_id)
    return render("accounts/role.html", role=found, granted=keeping.permissions_of(role_id), areas=AREAS, sensitive=SENSITIVE)


@bp.route("/roles/new", methods=["GET", "POST"])
@requires("users.edit", fresh=True)
def new_role() -> ResponseReturnValue:
    form, own = RoleForm(), current_identity().permissions
    if form.validate_on_submit():
        try:
            made = keeping.create_role(
                name=form.name.data, description=form.description.data or "", permissions=form.permissions.data, own=own,
                by=current_actor(),
            )
        except DomainError as error:
            return _refused(form, error, None)
        db.session.commit()
        toast("The role is there. Give it to someone on their page.")
        return see_other(url_for("accounts.role", role_id=made.id))
    copied = request.args.get("copy", type=int)
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
    granted = keeping.permissions_of(role_id)
    form = RoleForm(data={"name": found.name, "description": found.description, "permissions": sorted(granted),
                          "version": str(found.version)})
    if not form.validate_on_submit():
        return _editor(form, found, 422 if form.is_submitted() else 200)
    own = current_identity().permissions
    # What this person may not touch is not in their form, and stays.
    chosen = (set(form.permissions.data) & own) | (granted - own)
    try:
        keeping.change_role(
            found, name=form.name.data, description=form.description.data or "", permissions=chosen, own=own,
            version=_version(form), by=current_actor(),
        )
    except StaleError as error:
        db.session.rollback()
        return _editor(form, get_or_404(Role, role_id), 409, clashes=error.clashes)
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


def _editor(form: RoleForm, found: Role | None, status: int, clashes: object = None) -> Response:
    if clashes and found is not None:
        form.version.data = str(found.version)
    return render(
        "accounts/edit_role.html", form=form, role=found, own=current_identity().permissions, areas=AREAS,
        sensitive=SENSITIVE, clashes=clashes or {}, status=status,
    )


def _refused(form: RoleForm, error: DomainError, role_id: int | None) -> Response:
    db.session.rollback()
    show_error(form, error)
    return _editor(form, get_or_404(Role, role_id) if role_id is not None else None, error.status)


def _version(form: RoleForm) -> int:
    text = form.version.data or ""
    return int(text) if text.isdigit() and len(text) < 10 else 0
