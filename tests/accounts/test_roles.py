"""Roles as data: read, copied, changed with effect at once, and never beyond one's own."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.accounts.models import Role, RolePermission
from portal.accounts.permissions import BUILT_IN_ROLES
from portal.accounts.roles import create_role, permissions_of, role_by_key, role_values, seed_roles
from portal.accounts.services import add_member
from portal.core.database import db, merchant_scope
from portal.core.merging import pack_base
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
ALL = frozenset(BUILT_IN_ROLES[0].permissions)


@pytest.fixture
def own_role(app: Flask, merchant: int) -> int:
    with app.app_context(), merchant_scope(merchant):
        role = create_role(
            name="Packers", description="Pack.", permissions={"orders.view"}, own=ALL, by=SYSTEM
        )
        db.session.commit()
        return role.id


def opened(app: Flask, merchant_id: int, role_id: int) -> dict[str, object]:
    """What the editor of a role sends when nothing was touched."""
    with app.app_context(), merchant_scope(merchant_id):
        role = db.session.get_one(Role, (merchant_id, role_id))
        values = role_values(role)
        return values | {"version": str(role.version), "base": pack_base(values)}


def granted(app: Flask, merchant_id: int, role_id: int) -> set[str]:
    with app.app_context(), merchant_scope(merchant_id):
        return set(permissions_of(role_id))


def test_every_merchant_begins_with_the_seven_roles(login: Login, member: Member) -> None:
    page = login(member("compliance")).get("/roles").text
    for role in BUILT_IN_ROLES:
        assert role.name in page


def test_a_role_shows_what_it_allows(app: Flask, login: Login, member: Member, own_role: int) -> None:
    page = login(member("compliance")).get(f"/roles/{own_role}").text
    assert "Packers" in page
    assert page.count(">Yes</td>") == 1


def test_a_role_is_made_from_a_copy(app: Flask, login: Login, member: Member, merchant: int) -> None:
    client = login(member("owner"))
    with app.app_context(), merchant_scope(merchant):
        source = role_by_key("support").id
    page = client.get(f"/roles/new?copy={source}").text
    assert "Support (copy)" in page
    assert 'value="orders.refund" aria-label="Refund money" checked' in page
    answer = client.post("/roles/new", data={"name": "Helpers", "permissions": ["orders.edit"]})
    assert answer.status_code == 303
    assert granted(app, merchant, int(answer.location.rpartition("/")[2])) == {"orders.edit", "orders.view"}


def test_a_change_counts_from_the_next_click(
    app: Flask, login: Login, member: Member, merchant: int, own_role: int
) -> None:
    packer = make_person(app, merchant, "read-only")
    with app.app_context(), merchant_scope(merchant):
        add_member(packer.user_id, own_role, by=SYSTEM)
        db.session.commit()
    theirs, owner = login(packer), login(member("owner"))
    assert theirs.get("/users").status_code == 403
    form = opened(app, merchant, own_role)
    owner.post(f"/roles/{own_role}/edit", data=form | {"permissions": ["users.view"]})
    assert theirs.get("/users").status_code == 200
    assert granted(app, merchant, own_role) == {"users.view"}


def test_a_stale_save_shows_both_and_changes_nothing(
    app: Flask, login: Login, member: Member, merchant: int, own_role: int
) -> None:
    client, form = login(member("owner")), opened(app, merchant, own_role)
    client.post(f"/roles/{own_role}/edit", data=form | {"name": "Pickers"})
    answer = client.post(f"/roles/{own_role}/edit", data=form | {"name": "Senders"})
    assert answer.status_code == 409
    assert 'name="name" value="Senders"' in answer.text and 'name="name" value="Pickers"' in answer.text
    assert granted(app, merchant, own_role) == {"orders.view"}
    with app.app_context(), merchant_scope(merchant):
        assert db.session.scalar(sa.select(Role.name).where(Role.id == own_role)) == "Pickers"
    chosen = opened(app, merchant, own_role) | {"name": "Senders"}
    assert client.post(f"/roles/{own_role}/edit", data=chosen).status_code == 303


def test_permissions_of_two_editors_are_brought_together(
    app: Flask, login: Login, member: Member, merchant: int, own_role: int
) -> None:
    client, form = login(member("owner")), opened(app, merchant, own_role)
    client.post(f"/roles/{own_role}/edit", data=form | {"permissions": ["stock.view"]})
    typed = form | {"permissions": ["orders.view", "catalog.view"]}
    assert client.post(f"/roles/{own_role}/edit", data=typed).status_code == 303
    assert granted(app, merchant, own_role) == {"stock.view", "catalog.view"}


def test_a_clash_carries_the_permissions_of_both(
    app: Flask, login: Login, member: Member, merchant: int, own_role: int
) -> None:
    client, form = login(member("owner")), opened(app, merchant, own_role)
    client.post(f"/roles/{own_role}/edit", data=form | {"name": "Pickers", "permissions": ["stock.view"]})
    typed = form | {"name": "Senders", "permissions": ["orders.view", "catalog.view"]}
    page = client.post(f"/roles/{own_role}/edit", data=typed).text
    carried = set(re.findall('type="hidden" name="permissions" value="([^"]+)"', page))
    assert carried == {"stock.view", "catalog.view"}


def test_an_edit_whose_form_lost_its_beginning_is_refused(
    login: Login, member: Member, own_role: int
) -> None:
    answer = login(member("owner")).post(f"/roles/{own_role}/edit", data={"name": "X", "version": "1"})
    assert answer.status_code == 422
    assert "damaged" in answer.text


@pytest.mark.parametrize(
    "data",
    [{"name": ""}, {"name": "Owner"}, {"name": "x" * 81}, {"name": "A", "permissions": ["orders.steal"]}],
)
def test_a_bad_role_comes_back(login: Login, member: Member, data: dict[str, object]) -> None:
    assert login(member("owner")).post("/roles/new", data=data).status_code == 422


def test_a_built_in_role_cannot_be_changed_or_deleted(
    app: Flask, login: Login, member: Member, merchant: int
) -> None:
    client = login(member("owner"))
    with app.app_context(), merchant_scope(merchant):
        built_in = role_by_key("support").id
    before = granted(app, merchant, built_in)
    answer = client.post(f"/roles/{built_in}/edit", data=opened(app, merchant, built_in) | {"name": "Mine"})
    assert (answer.status_code, answer.location) == (303, f"/roles/{built_in}")
    assert client.post(f"/roles/{built_in}/deletion").status_code == 422
    assert granted(app, merchant, built_in) == before


def test_nobody_puts_into_a_role_what_they_lack(
    app: Flask, login: Login, merchant: int, own_role: int
) -> None:
    person = make_person(app, merchant, "read-only")
    with app.app_context(), merchant_scope(merchant):
        limited = create_role(name="People", description="", permissions={"users.edit"}, own=ALL, by=SYSTEM)
        add_member(person.user_id, limited.id, by=SYSTEM)
        db.session.commit()
    client = login(person)
    assert (
        client.post("/roles/new", data={"name": "Mighty", "permissions": ["orders.refund"]}).status_code
        == 403
    )
    # What they lack is not theirs to take away either: it stays, whatever the form says.
    form = opened(app, merchant, own_role)
    client.post(f"/roles/{own_role}/edit", data=form | {"permissions": ["orders.refund", "users.view"]})
    assert granted(app, merchant, own_role) == {"orders.view", "users.view"}


def test_a_role_in_use_stays_and_an_unused_one_goes(
    app: Flask, login: Login, member: Member, merchant: int, own_role: int
) -> None:
    packer = make_person(app, merchant, "read-only")
    with app.app_context(), merchant_scope(merchant):
        add_member(packer.user_id, own_role, by=SYSTEM)
        db.session.commit()
    client = login(member("owner"))
    answer = client.post(f"/roles/{own_role}/deletion")
    assert answer.status_code == 409
    assert "1 person holds this role" in answer.text
    with app.app_context(), merchant_scope(merchant):
        add_member(packer.user_id, role_by_key("warehouse").id, by=SYSTEM)
        db.session.commit()
    assert client.post(f"/roles/{own_role}/deletion").status_code == 303
    assert client.get(f"/roles/{own_role}").status_code == 404


def test_roles_of_another_shop_do_not_exist_here(app: Flask, login: Login, member: Member) -> None:
    other = make_merchant(app)
    with app.app_context(), merchant_scope(other):
        foreign = role_by_key("support").id
    client = login(member("owner"))
    paths = [f"/roles/{foreign}", f"/roles/{foreign}/edit", f"/roles/new?copy={foreign}"]
    assert [client.get(path).status_code for path in paths] == [404, 404, 404]
    assert client.post(f"/roles/{foreign}/deletion").status_code == 404


def test_seeding_again_brings_a_built_in_role_up_to_the_release(app: Flask, merchant: int) -> None:
    with app.app_context(), merchant_scope(merchant):
        support = role_by_key("support").id
        db.session.execute(
            sa.delete(RolePermission).where(
                RolePermission.merchant_id == merchant, RolePermission.role_id == support
            )
        )
        db.session.add(RolePermission(role_id=support, permission="orders.of-an-older-release"))
        db.session.commit()
        seed_roles()
        db.session.commit()
    expected = next(role.permissions for role in BUILT_IN_ROLES if role.key == "support")
    assert granted(app, merchant, support) == expected
