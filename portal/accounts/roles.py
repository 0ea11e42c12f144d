"""Roles: what they allow, and that nobody hands out more than they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from portal.accounts.models import Invitation, Membership, Role, RolePermission
from portal.accounts.permissions import BUILT_IN_ROLES, PERMISSIONS, known
from portal.core.audit import Actor, record
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, ForbiddenError
from portal.core.merging import merged


class GrantError(ForbiddenError):
    """Someone would hand out, or take from someone, what they do not hold themselves."""


@dataclass(frozen=True, slots=True)
class RoleSummary:
    """A role as lists show it."""

    id: int
    key: str | None
    name: str
    description: str
    is_built_in: bool
    permissions: frozenset[str]
    members: int

    def count_of(self, verb: str) -> int:
        """How many areas it lets one view, or edit."""
        return sum(
            name.endswith(f".{verb}") and not PERMISSIONS[name].is_sensitive for name in self.permissions
        )

    def count_of_sensitive(self) -> int:
        return sum(PERMISSIONS[name].is_sensitive for name in self.permissions)


def seed_roles() -> None:
    """Give the merchant in scope the built-in roles of this release, or bring them up to it. Safe to repeat."""
    merchant_id = current_merchant_id()
    for built_in in BUILT_IN_ROLES:
        made = (
            insert(Role)
            .values(
                merchant_id=merchant_id,
                key=built_in.key,
                name=built_in.name,
                description=built_in.description,
                is_built_in=True,
            )
            .on_conflict_do_update(
                index_elements=["merchant_id", "key"],
                set_={"name": built_in.name, "description": built_in.description},
            )
        )
        role_id = db.session.scalars(made.returning(Role.id)).one()
        _store(role_id, built_in.permissions)


def role_summaries() -> list[RoleSummary]:
    """All roles of the merchant, built-in ones first, with what they allow and how many hold them."""
    merchant_id = current_merchant_id()
    permissions = sa.func.array(
        sa.select(RolePermission.permission)
        .where(RolePermission.merchant_id == merchant_id, RolePermission.role_id == Role.id)
        .correlate(Role)
        .scalar_subquery()
    )
    members = (
        sa.select(sa.func.count())
        .select_from(Membership)
        .where(
            Membership.merchant_id == merchant_id, Membership.role_id == Role.id, Membership.state == "active"
        )
        .correlate(Role)
        .scalar_subquery()
    )
    rows = db.session.execute(
        sa.select(
            Role.id,
            Role.key,
            Role.name,
            Role.description,
            Role.is_built_in,
            permissions.label("permissions"),
            members.label("members"),
        )
        .where(Role.merchant_id == merchant_id)
        .order_by(Role.is_built_in.desc(), Role.id)
    )
    return [
        RoleSummary(
            row.id, row.key, row.name, row.description, row.is_built_in, known(row.permissions), row.members
        )
        for row in rows
    ]


def permissions_of(role_id: int) -> frozenset[str]:
    """What a role of the merchant allows."""
    return known(
        db.session.scalars(
            sa.select(RolePermission.permission).where(
                RolePermission.merchant_id == current_merchant_id(), RolePermission.role_id == role_id
            )
        )
    )


def role_by_key(key: str) -> Role:
    """A built-in role of the merchant in scope."""
    return db.session.scalars(sa.select(Role).where(Role.key == key)).one()


def check_grant(own: frozenset[str], granted: Iterable[str]) -> None:
    """Nobody grants what they lack.

    Raises:
        GrantError: naming what is lacking.
    """
    lacking = sorted(PERMISSIONS[name].label for name in set(granted) - own if name in PERMISSIONS)
    if lacking:
        raise GrantError(f"You cannot give or take what your own role lacks: {', '.join(lacking)}.")


def create_role(
    *, name: str, description: str, permissions: Iterable[str], own: frozenset[str], by: Actor
) -> Role:
    """A role of the merchant's own.

    Raises:
        GrantError: it allows more than the person who makes it may.
        DomainError: the name is taken, or a permission is unknown.
    """
    chosen = _checked(permissions)
    check_grant(own, chosen)
    role = Role(name=" ".join(name.split()), description=description.strip())
    _save(role)
    _store(role.id, chosen)
    record(
        action="role.created",
        by=by,
        subject=("role", role.id),
        after={"name": role.name, "permissions": sorted(chosen)},
    )
    return role


def change_role(
    role: Role,
    *,
    name: str,
    description: str,
    permissions: Iterable[str],
    base: Mapping[str, Any],
    version: int,
    own: frozenset[str],
    by: Actor,
) -> None:
    """Change a role; everyone who holds it has the change at their next request.

    ``base`` is what the form showed. A permission is ticked or not, so two people never clash over one.

    Raises:
        GrantError: something is added or taken away that the person lacks.
        StaleError: someone saved another name or description meanwhile.
        DomainError: it is built in, the name is taken, or a permission is unknown.
    """
    if role.is_built_in:
        raise DomainError("Built-in roles follow the release. Copy it and change the copy.")
    before, shown = permissions_of(role.id), base.get("permissions")
    mine = {"name": " ".join(name.split()), "description": description.strip()} | _ticks(
        _checked(permissions)
    )
    if role.version != version:
        then = {name: base[name] for name in ("name", "description") if isinstance(base.get(name), str)}
        then |= _ticks({str(each) for each in shown}) if isinstance(shown, list) else {}
        now = {"name": role.name, "description": role.description} | _ticks(before)
        mine = merged(now, then, mine, version=role.version)
    # Merged, an area may be edited that one side lets nobody see any more.
    chosen = _checked(name for name in PERMISSIONS if mine[name])
    check_grant(own, chosen ^ before)
    was: dict[str, Any] = {"name": role.name, "permissions": sorted(before)}
    role.name, role.description = mine["name"], mine["description"]
    # The permissions are rows of their own; the version must move with them.
    sa.orm.attributes.flag_modified(role, "name")
    _save(role)
    _store(role.id, chosen)
    record(
        action="role.changed",
        by=by,
        subject=("role", role.id),
        before=was,
        after={"name": role.name, "permissions": sorted(chosen)},
    )


def role_values(role: Role) -> dict[str, Any]:
    """What the editor shows, by field."""
    return {
        "name": role.name,
        "description": role.description,
        "permissions": sorted(permissions_of(role.id)),
    }


def delete_role(role: Role, *, own: frozenset[str], by: Actor) -> None:
    """Remove a role nobody holds any more; open invitations to it end.

    Raises:
        ConflictError: someone holds it.
        DomainError: it is built in.
    """
    if role.is_built_in:
        raise DomainError("Built-in roles stay. They cost nothing when nobody holds them.")
    check_grant(own, permissions_of(role.id))
    held = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(Membership)
        .where(Membership.merchant_id == current_merchant_id(), Membership.role_id == role.id)
    )
    if held:
        raise ConflictError(
            f"{held} {'person holds' if held == 1 else 'people hold'} this role. Give them another first."
        )
    record(action="role.deleted", by=by, subject=("role", role.id), before={"name": role.name})
    db.session.execute(
        sa.delete(Invitation).where(
            Invitation.merchant_id == current_merchant_id(), Invitation.role_id == role.id
        )
    )
    db.session.delete(role)
    db.session.flush()


def _checked(permissions: Iterable[str]) -> frozenset[str]:
    chosen = frozenset(permissions)
    unknown = chosen - PERMISSIONS.keys()
    if unknown:
        raise DomainError(f"There is no permission {', '.join(sorted(unknown))}.")
    # Whoever may edit an area must be able to see it.
    implied = {f"{PERMISSIONS[name].area}.view" for name in chosen if name.endswith(".edit")}
    return chosen | implied


def _save(role: Role) -> None:
    try:
        with db.session.begin_nested():
            db.session.add(role)
    except IntegrityError as error:
        raise DomainError("There is already a role with this name.", field="name") from error


def _store(role_id: int, permissions: frozenset[str]) -> None:
    merchant_id = current_merchant_id()
    own = (RolePermission.merchant_id == merchant_id, RolePermission.role_id == role_id)
    db.session.execute(sa.delete(RolePermission).where(*own, RolePermission.permission.not_in(permissions)))
    rows = [
        {"merchant_id": merchant_id, "role_id": role_id, "permission": name} for name in sorted(permissions)
    ]
    if rows:
        db.session.execute(insert(RolePermission).values(rows).on_conflict_do_nothing())


def _ticks(permissions: Iterable[str]) -> dict[str, Any]:
    """Every permission as a field of its own: ticked or not."""
    ticked = frozenset(permissions)
    return {name: name in ticked for name in PERMISSIONS}
