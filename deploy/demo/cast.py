"""Give the demo shops the people who work there, by the services that make real users and members."""

from __future__ import annotations

from deploy.demo.shops import OPERATOR, PASSWORD, ROLES, Shop
from portal.accounts.models import User
from portal.accounts.queries import user_by_email
from portal.accounts.roles import role_by_key
from portal.accounts.services import add_member, create_user
from portal.core.audit import SYSTEM, Actor
from portal.core.database import db, platform_scope


def hire(shop: Shop) -> dict[str, Actor]:
    """One account per role in the merchant in scope, committed; who is there already is found. Gives them by desk."""
    team = {}
    role_ids = {role: role_by_key(role).id for _, role in ROLES}
    for (desk, role), name in zip(ROLES, shop.staff, strict=True):
        user_id = _user(shop.email(desk), name)
        add_member(user_id, role_ids[role], by=SYSTEM)
        team[desk] = Actor("user", user_id, name)
    db.session.commit()
    return team


def hire_operator() -> None:
    """The account that keeps the platform up; it works for no shop."""
    with platform_scope():
        email, name = OPERATOR
        _user(email, name, is_operator=True)
        db.session.commit()


def lend(shop: Shop) -> None:
    """Let the owner of a shop own the merchant in scope too, so that there is something to switch to."""
    user_id = _user(shop.email("owner"), shop.staff[0])
    add_member(user_id, role_by_key("owner").id, by=SYSTEM)
    db.session.commit()


def _user(email: str, name: str, *, is_operator: bool = False) -> int:
    found: User | None = user_by_email(email)
    if found is None:
        found = create_user(email=email, name=name, password=PASSWORD, is_operator=is_operator)
        db.session.flush()
    return found.id
