"""People of a merchant: invited, given roles, let go; and that nobody hands out more than they hold."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.accounts import members
from portal.accounts.models import Invitation, Membership, Role
from portal.accounts.permissions import BUILT_IN_ROLES, PERMISSIONS
from portal.accounts.roles import create_role, role_by_key
from portal.accounts.services import add_member
from portal.core.audit import AuditEntry
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope, platform_scope
from portal.core.errors import DomainError
from portal.core.mail import Message, read_letter
from tests.accounts.links import letters_about, link_in
from tests.support.client import HouseClient
from tests.support.people import PASSWORD, SYSTEM, Person, make_merchant, make_person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]


def role_id(app: Flask, merchant_id: int, key: str) -> int:
    with app.app_context(), merchant_scope(merchant_id):
        return role_by_key(key).id


def manager_of_users(app: Flask, merchant_id: int) -> Person:
    """Someone who manages users and holds little else."""
    person = make_person(app, merchant_id, "read-only")
    with app.app_context(), merchant_scope(merchant_id):
        granted = frozenset({"users.view", "users.edit", "catalog.view"})
        role = create_role(
            name=f"People {person.user_id}", description="", permissions=granted, own=granted, by=SYSTEM
        )
        add_member(person.user_id, role.id, by=SYSTEM)
        db.session.commit()
    return person


def invite(app: Flask, client: HouseClient, merchant_id: int, email: str, key: str = "support") -> str:
    answer = client.post(
        "/users/invitations/new", data={"email": email, "role_id": role_id(app, merchant_id, key)}
    )
    assert answer.status_code == 303, answer.text
    with app.app_context(), merchant_scope(merchant_id):
        invitation_id = db.session.scalar(
            sa.select(Invitation.id)
            .where(Invitation.merchant_id == merchant_id)
            .order_by(Invitation.id.desc())
            .limit(1)
        )
    return link_in(letters_about(app, "invitation", invitation_id)[-1])


def test_the_list_shows_people_and_invitations(
    app: Flask, login: Login, member: Member, merchant: int
) -> None:
    member("support", name="Sam Support")
    client = login(member("owner", name="Olga Owner"))
    invite(app, client, merchant, "new@example.com")
    page = client.get("/users").text
    assert "Sam Support" in page and "Olga Owner" in page and "new@example.com" in page


def test_a_reader_sees_people_and_no_buttons(login: Login, member: Member) -> None:
    colleague = member("support")
    client = login(member("compliance"))
    assert "Invite" not in client.get("/users").text
    page = client.get(f"/users/{colleague.user_id}").text
    assert "Deactivate" not in page and "Change the role" not in page
    assert client.post(f"/users/{colleague.user_id}/deactivation").status_code == 403


def test_a_new_person_accepts_and_is_in(
    app: Flask, client: HouseClient, login: Login, member: Member, merchant: int
) -> None:
    link = invite(app, login(member("owner")), merchant, "Newcomer@Example.com")
    assert "newcomer@example.com" in client.get(link).text.lower()
    assert client.post(link, data={"name": "New", "password": "short", "again": "short"}).status_code == 422
    typed = {"name": "New Comer", "password": "seven wet umbrellas", "again": "seven wet umbrellas"}
    assert client.post(link, data=typed).location == "/"
    assert client.get("/account").status_code == 200
    assert client.get("/users").status_code == 403
    assert app.test_client().get(link).status_code == 404


def test_someone_with_an_account_accepts_only_as_themselves(
    app: Flask, client: HouseClient, login: Login, member: Member, merchant: int
) -> None:
    invited = make_person(app, make_merchant(app), "owner")
    link = invite(app, login(member("owner")), merchant, invited.email)
    assert "Sign in first" in client.get(link).text
    assert client.post(link).status_code == 200
    other = login(member("support"))
    assert "signed in as someone else" in other.get(link).text
    assert other.post(link).status_code == 200
    theirs = login(invited)
    assert theirs.post(link).status_code == 303
    assert theirs.get("/account/merchants").text.count('id="merchant-') == 2


def test_the_link_stands_in_no_outbox_of_the_merchant(
    app: Flask, login: Login, member: Member, merchant: int
) -> None:
    invite(app, login(member("owner")), merchant, "quiet@example.com")
    with app.app_context(), merchant_scope(merchant):
        assert db.session.scalars(sa.select(Message)).all() == []


def test_an_invitation_ends_when_withdrawn_replaced_or_old(
    app: Flask, client: HouseClient, login: Login, member: Member, merchant: int
) -> None:
    owner = login(member("owner"))
    first = invite(app, owner, merchant, "often@example.com")
    second = invite(app, owner, merchant, "often@example.com")
    assert [client.get(link).status_code for link in (first, second)] == [404, 200]
    with app.app_context(), merchant_scope(merchant):
        last = db.session.scalars(sa.select(Invitation).order_by(Invitation.id.desc())).first()
        assert last is not None
        last.expires_at = utc_now() - dt.timedelta(seconds=1)
        invitation_id = last.id
        db.session.commit()
    assert client.get(second).status_code == 404
    assert owner.post(f"/users/invitations/{invitation_id}/renewal").status_code == 303
    third = link_in(letters_about(app, "invitation", invitation_id)[-1])
    assert client.get(third).status_code == 200
    assert owner.post(f"/users/invitations/{invitation_id}/withdrawal").status_code == 303
    assert client.get(third).status_code == 404
    assert owner.post(f"/users/invitations/{invitation_id}/renewal").status_code == 404


def test_a_link_does_not_work_at_another_merchant(
    app: Flask, client: HouseClient, login: Login, member: Member, merchant: int
) -> None:
    link = invite(app, login(member("owner")), merchant, "lost@example.com")
    assert client.get(link.replace(f"/{merchant}/", f"/{make_merchant(app)}/")).status_code == 404


def test_a_member_is_not_invited_twice(app: Flask, login: Login, member: Member, merchant: int) -> None:
    colleague = member("support")
    data = {"email": colleague.email, "role_id": role_id(app, merchant, "support")}
    answer = login(member("owner")).post("/users/invitations/new", data=data)
    assert answer.status_code == 422
    assert "already works here" in answer.text


@pytest.mark.parametrize(
    "data",
    [
        {"email": "nobody"},
        {"email": ""},
        {"email": "a@example.com", "role_id": "0"},
        {"email": "a@example.com", "role_id": "x"},
    ],
)
def test_a_bad_invitation_comes_back(login: Login, member: Member, data: dict[str, str]) -> None:
    assert login(member("owner")).post("/users/invitations/new", data=data).status_code == 422


def test_nobody_invites_to_a_role_above_their_own(app: Flask, login: Login, merchant: int) -> None:
    client = login(manager_of_users(app, merchant))
    assert "Owner" not in client.get("/users/invitations/new").text
    answer = client.post(
        "/users/invitations/new", data={"email": "x@example.com", "role_id": role_id(app, merchant, "owner")}
    )
    assert answer.status_code == 422
    with app.app_context(), merchant_scope(merchant), pytest.raises(DomainError, match="cannot give or take"):
        members.invite(
            email="x@example.com", role_id=role_by_key("owner").id, own=frozenset({"users.edit"}), by=SYSTEM
        )


def test_nobody_gives_themselves_more(app: Flask, login: Login, merchant: int) -> None:
    person = manager_of_users(app, merchant)
    client = login(person)
    answer = client.post(f"/users/{person.user_id}/role", data={"role_id": role_id(app, merchant, "owner")})
    assert answer.status_code == 403
    assert client.get("/settings/merchant").status_code == 403


def test_nobody_lets_go_of_someone_above_them(
    app: Flask, login: Login, member: Member, merchant: int
) -> None:
    member("owner")
    owner = member("owner")
    client = login(manager_of_users(app, merchant))
    assert client.post(f"/users/{owner.user_id}/deactivation").status_code == 403
    assert (
        client.post(
            f"/users/{owner.user_id}/role", data={"role_id": role_id(app, merchant, "read-only")}
        ).status_code
        == 403
    )


def test_another_role_counts_from_the_next_click(
    app: Flask, login: Login, member: Member, merchant: int
) -> None:
    person = member("read-only")
    theirs, owner = login(person), login(member("owner"))
    assert theirs.get("/users").status_code == 403
    owner.post(f"/users/{person.user_id}/role", data={"role_id": role_id(app, merchant, "compliance")})
    assert theirs.get("/users").status_code == 200
    owner.post(f"/users/{person.user_id}/deactivation")
    assert theirs.get("/users").status_code == 403
    owner.post(f"/users/{person.user_id}/reactivation")
    assert theirs.get("/users").status_code == 200


def test_the_last_owner_stays(app: Flask, login: Login, member: Member, merchant: int) -> None:
    owner = member("owner")
    client = login(owner)
    answer = client.post(f"/users/{owner.user_id}/deactivation")
    assert answer.status_code == 409
    assert "last owner" in answer.text
    assert (
        client.post(
            f"/users/{owner.user_id}/role", data={"role_id": role_id(app, merchant, "support")}
        ).status_code
        == 409
    )
    second = member("owner")
    assert client.post(f"/users/{second.user_id}/deactivation").status_code == 303
    assert client.post(f"/users/{owner.user_id}/deactivation").status_code == 409


def test_two_owners_who_let_each_other_go_at_once_leave_one(
    app: Flask, member: Member, merchant: int
) -> None:
    pair = [member("owner"), member("owner")]
    ready, refused = threading.Barrier(2), []

    def let_go(victim: Person) -> None:
        with app.app_context(), merchant_scope(merchant):
            ready.wait()
            try:
                membership = db.session.scalars(
                    sa.select(Membership).where(Membership.user_id == victim.user_id)
                ).one()
                members.deactivate_member(membership, own=frozenset(PERMISSIONS), by=SYSTEM)
                db.session.commit()
            except Exception as error:
                db.session.rollback()
                refused.append(error)

    threads = [threading.Thread(target=let_go, args=(each,)) for each in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context(), merchant_scope(merchant):
        left = db.session.scalars(
            sa.select(Membership.user_id)
            .join(Role, Role.id == Membership.role_id)
            .where(Role.key == "owner", Membership.state == "active")
        ).all()
    assert len(left) == 1
    assert len(refused) == 1


def test_people_of_another_shop_do_not_exist_here(app: Flask, login: Login, member: Member) -> None:
    stranger = make_person(app, make_merchant(app), "support")
    client = login(member("owner"))
    foreign, missing = client.get(f"/users/{stranger.user_id}"), client.get("/users/999999999")
    assert foreign.status_code == missing.status_code == 404
    assert client.post(f"/users/{stranger.user_id}/deactivation").status_code == 404
    assert client.post(f"/users/{stranger.user_id}/role", data={"role_id": "1"}).status_code == 404


def test_a_role_of_another_shop_cannot_be_given(app: Flask, login: Login, member: Member) -> None:
    colleague = member("support")
    foreign = role_id(app, make_merchant(app), "read-only")
    assert (
        login(member("owner")).post(f"/users/{colleague.user_id}/role", data={"role_id": foreign}).status_code
        == 422
    )


def test_every_act_on_people_is_in_the_log_once(
    app: Flask, login: Login, member: Member, merchant: int
) -> None:
    colleague = member("support")
    owner = member("owner")
    client = login(owner)
    client.post(f"/users/{colleague.user_id}/role", data={"role_id": role_id(app, merchant, "warehouse")})
    client.post(f"/users/{colleague.user_id}/deactivation")
    client.post(f"/users/{colleague.user_id}/reactivation")
    with app.app_context(), merchant_scope(merchant):
        acts = db.session.scalars(
            sa.select(AuditEntry.action).where(AuditEntry.actor_id == owner.user_id).order_by(AuditEntry.id)
        ).all()
    assert acts == ["member.role-changed", "member.deactivated", "member.reactivated"]


def test_the_built_in_roles_name_only_known_permissions() -> None:
    for role in BUILT_IN_ROLES:
        assert role.permissions <= PERMISSIONS.keys(), role.key
        assert {
            f"{name.partition('.')[0]}.view" for name in role.permissions if name.endswith(".edit")
        } <= role.permissions


def test_the_switch_of_platform_scope_reads_no_shop(app: Flask, merchant: int) -> None:
    with app.app_context(), platform_scope():
        assert db.session.scalars(sa.select(Membership).where(Membership.state == "active")).all() == []


def test_a_letter_can_be_read_only_where_it_was_written(
    app: Flask, login: Login, member: Member, merchant: int
) -> None:
    invite(app, login(member("owner")), merchant, "readable@example.com")
    with app.app_context(), platform_scope():
        letter = read_letter(db.session.scalars(sa.select(Message).order_by(Message.id.desc())).first())  # type: ignore[arg-type]
    assert letter is not None
    assert PASSWORD not in letter.text
