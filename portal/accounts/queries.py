"""Reads of people, invitations and merchants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from portal.accounts.models import Invitation, Membership, Merchant, Role, User, UserSession
from portal.core.database import current_merchant_id, db


@dataclass(frozen=True, slots=True)
class MerchantChoice:
    """A merchant the person may sit down at."""

    id: int
    name: str
    country: str


def members() -> Sequence[Any]:
    """The people of the merchant, working ones first: user_id, name, email, state, role_id, role, last_seen_at, since."""
    merchant_id = current_merchant_id()
    last_seen = (
        sa.select(sa.func.max(UserSession.last_seen_at))
        .where(UserSession.user_id == Membership.user_id, UserSession.active_merchant_id == merchant_id)
        .correlate(Membership)
        .scalar_subquery()
    )
    return db.session.execute(
        sa.select(
            Membership.user_id,
            User.name,
            User.email,
            Membership.state,
            Membership.role_id,
            Role.name.label("role"),
            Role.key.label("role_key"),
            last_seen.label("last_seen_at"),
            Membership.created_at.label("since"),
        )
        .select_from(Membership)
        .join(User, User.id == Membership.user_id)
        .join(Role, sa.and_(Role.merchant_id == Membership.merchant_id, Role.id == Membership.role_id))
        .where(Membership.merchant_id == merchant_id)
        .order_by(Membership.state, sa.func.lower(User.name), Membership.user_id)
    ).all()


def member_detail(user_id: int) -> Any | None:
    """One row of ``members``."""
    return next((row for row in members() if row.user_id == user_id), None)


def open_invitations() -> Sequence[Any]:
    """Invitations nobody took yet, latest first: id, email, role, created_at, expires_at, invited_by."""
    merchant_id = current_merchant_id()
    return db.session.execute(
        sa.select(
            Invitation.id,
            Invitation.email,
            Role.name.label("role"),
            Invitation.created_at,
            Invitation.expires_at,
            User.name.label("invited_by"),
        )
        .select_from(Invitation)
        .join(Role, sa.and_(Role.merchant_id == Invitation.merchant_id, Role.id == Invitation.role_id))
        .join(User, User.id == Invitation.invited_by)
        .where(
            Invitation.merchant_id == merchant_id,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
        .order_by(Invitation.created_at.desc(), Invitation.id.desc())
    ).all()


def merchants_of(user_id: int) -> list[MerchantChoice]:
    """The merchants a user works for; asks the reviewed function, because row-level security shows one at a time."""
    works_for = sa.func.memberships_of(user_id).table_valued(
        sa.column("merchant_id", sa.Integer), sa.column("role_id", sa.BigInteger)
    )
    rows = db.session.execute(
        sa.select(Merchant.id, Merchant.name, Merchant.country)
        .join(works_for, works_for.c.merchant_id == Merchant.id)
        .order_by(sa.func.lower(Merchant.name))
    )
    return [MerchantChoice(*row) for row in rows]


def user_by_email(email: str) -> User | None:
    """The user who signs in with *email*, whatever their state."""
    return db.session.scalars(sa.select(User).where(User.email == email.strip())).one_or_none()
