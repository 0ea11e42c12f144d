"""The people of one merchant: invited, given a role, let go."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask import url_for

from portal.accounts.models import Invitation, Membership, Merchant, Role, User
from portal.accounts.passwords import hash_password, new_token, token_hash, weakness
from portal.accounts.permissions import OWNER
from portal.accounts.roles import check_grant, permissions_of
from portal.accounts.services import add_member, create_user
from portal.core.audit import Actor, record
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db, platform_scope
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.http import public_link
from portal.core.mail import send_mail

INVITATION_LIVES: Final = dt.timedelta(days=7)


class LastOwnerError(ConflictError):
    """A shop without an owner could never get one again."""

    def __init__(self) -> None:
        super().__init__("This is the last owner. Make someone else an owner first.")


class AlreadyMemberError(DomainError):
    """The invited address belongs to someone who already works here."""

    def __init__(self) -> None:
        super().__init__("Someone with this address already works here.", field="email")


class InvitationError(NotFoundError):
    """The link was used, withdrawn, replaced or is too old, or never was one: all answer alike."""

    def __init__(self) -> None:
        super().__init__("This invitation is no longer good. Ask for a new one.")


@dataclass(frozen=True, slots=True)
class Offer:
    """A fresh invitation and the token of its link; the token is nowhere else."""

    invitation_id: int
    email: str
    merchant_id: int
    token: str


def invite(*, email: str, role_id: int, own: frozenset[str], by: Actor) -> Offer:
    """Invite an address to a role. An open invitation of the same address is replaced.

    Raises:
        AlreadyMemberError: they work here already.
        GrantError: the role allows more than the inviting person may.
    """
    address = email.strip()
    check_grant(own, permissions_of(role_id))
    is_member = (
        sa.select(Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(User.email == address, Membership.state == "active")
    )
    if db.session.scalars(is_member).first() is not None:
        raise AlreadyMemberError
    db.session.execute(
        sa.update(Invitation).where(Invitation.email == address, *_open()).values(revoked_at=utc_now())
    )
    token = new_token()
    invitation = Invitation(
        email=address,
        role_id=role_id,
        token_hash=token_hash(token),
        invited_by=by.id,
        expires_at=utc_now() + INVITATION_LIVES,
    )
    db.session.add(invitation)
    db.session.flush()
    record(action="member.invited", by=by, subject=("invitation", invitation.id), after={"role_id": role_id})
    return Offer(invitation.id, address, current_merchant_id(), token)


def renew_invitation(invitation: Invitation, *, own: frozenset[str], by: Actor) -> Offer:
    """Send it again: a new link and a new week; the old link is dead."""
    check_grant(own, permissions_of(invitation.role_id))
    if invitation.accepted_at or invitation.revoked_at:
        raise InvitationError
    token = new_token()
    invitation.token_hash, invitation.expires_at = token_hash(token), utc_now() + INVITATION_LIVES
    db.session.flush()
    record(action="member.invited-again", by=by, subject=("invitation", invitation.id), after={})
    return Offer(invitation.id, invitation.email, current_merchant_id(), token)


def withdraw_invitation(invitation: Invitation, *, by: Actor) -> None:
    """The link stops working."""
    invitation.revoked_at = utc_now()
    db.session.flush()
    record(action="member.invitation-withdrawn", by=by, subject=("invitation", invitation.id), after={})


def send_invitation(offer: Offer, *, invited_by: str, merchant_name: str, locale: str) -> None:
    """Mail the link; call it after the commit. Commits itself.

    It goes out as mail of the platform: in the merchant's own outbox, anyone who may read that could take the link.
    """
    link = public_link(
        url_for("accounts.accept_invitation", merchant_id=offer.merchant_id, token=offer.token)
    )
    with platform_scope():
        send_mail(
            template="invitation",
            to=offer.email,
            locale=locale,
            about=("invitation", offer.invitation_id),
            context={
                "link": link,
                "merchant": merchant_name,
                "invited_by": invited_by,
                "days": INVITATION_LIVES.days,
            },
        )
        db.session.commit()


def open_invitation(token: str) -> Invitation:
    """The invitation behind a link, in the merchant's scope, locked.

    Raises:
        InvitationError: it is not good any more.
    """
    found = sa.select(Invitation).where(
        Invitation.token_hash == token_hash(token), *_open(), Invitation.expires_at > utc_now()
    )
    invitation = db.session.scalars(found.with_for_update()).one_or_none()
    if invitation is None:
        raise InvitationError
    return invitation


def merchant_of(invitation: Invitation) -> Merchant:
    """Who invites."""
    return db.session.get_one(Merchant, invitation.merchant_id)


def user_invited_by(invitation: Invitation) -> User | None:
    """The user who already signs in with the invited address."""
    return db.session.scalars(sa.select(User).where(User.email == invitation.email)).one_or_none()


def accept_as_new_user(invitation: Invitation, *, name: str, password: str) -> User:
    """Make the user and the membership; the link proves the address.

    Raises:
        DomainError: the password is easy to guess.
    """
    weak = weakness(password, email=invitation.email, name=name)
    if weak:
        raise DomainError(weak, field="password")
    user = create_user(email=invitation.email, name=name)
    user.password_hash, user.password_changed_at = hash_password(password), utc_now()
    _accept(invitation, user)
    return user


def accept_as_user(invitation: Invitation, user: User) -> None:
    """Add the membership to someone who already signs in with that address, and who is signed in."""
    if user.email.casefold() != invitation.email.casefold():
        raise InvitationError
    _accept(invitation, user)


def change_member_role(membership: Membership, role_id: int, *, own: frozenset[str], by: Actor) -> None:
    """Give a member another role, seen by their next request.

    Raises:
        GrantError: either role allows more than the acting person may.
        LastOwnerError: it is the last owner's.
    """
    if membership.role_id == role_id:
        return
    check_grant(own, permissions_of(membership.role_id) | permissions_of(role_id))
    _keep_an_owner(membership)
    before = membership.role_id
    membership.role_id = role_id
    db.session.flush()
    record(
        action="member.role-changed",
        by=by,
        subject=("user", membership.user_id),
        before={"role_id": before},
        after={"role_id": role_id},
    )


def deactivate_member(membership: Membership, *, own: frozenset[str], by: Actor) -> None:
    """Let a member go; their next request is refused. What they did keeps their name.

    Raises:
        GrantError: they hold more than the acting person.
        LastOwnerError: they are the last owner.
    """
    check_grant(own, permissions_of(membership.role_id))
    _keep_an_owner(membership)
    membership.state = "deactivated"
    db.session.flush()
    record(
        action="member.deactivated",
        by=by,
        subject=("user", membership.user_id),
        before={"state": "active"},
        after={"state": "deactivated"},
    )


def reactivate_member(membership: Membership, *, own: frozenset[str], by: Actor) -> None:
    """Let a former member back in, in the role they had."""
    check_grant(own, permissions_of(membership.role_id))
    membership.state = "active"
    db.session.flush()
    record(
        action="member.reactivated",
        by=by,
        subject=("user", membership.user_id),
        before={"state": "deactivated"},
        after={"state": "active"},
    )


def _keep_an_owner(leaving: Membership) -> None:
    # Every owner's row is locked, in one order: two owners who let each other go at once cannot both succeed.
    owners = db.session.scalars(
        sa.select(Membership.user_id)
        .join(Role, sa.and_(Role.merchant_id == Membership.merchant_id, Role.id == Membership.role_id))
        .join(User, User.id == Membership.user_id)
        .where(Role.key == OWNER, Membership.state == "active", User.state == "active")
        .order_by(Membership.user_id)
        .with_for_update(of=Membership)
    ).all()
    if list(owners) == [leaving.user_id]:
        raise LastOwnerError


def _accept(invitation: Invitation, user: User) -> None:
    invitation.accepted_at = utc_now()
    user.last_merchant_id = invitation.merchant_id
    add_member(user.id, invitation.role_id, by=Actor(kind="user", id=user.id, name=user.name))


def _open() -> tuple[sa.ColumnElement[bool], ...]:
    return (Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
