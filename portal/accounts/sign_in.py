"""Signing in, and choosing a new password when the old one is forgotten.

Known and unknown addresses get the same words after the same time, and both use up the allowance.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import sqlalchemy as sa
import structlog
from flask import url_for

from portal.accounts.models import PasswordReset, User
from portal.accounts.passwords import (
    EvenAnswer,
    hash_password,
    is_password,
    new_token,
    token_hash,
    wants_rehash,
)
from portal.accounts.queries import merchants_of, user_by_email
from portal.accounts.services import set_password
from portal.accounts.sessions import begin_session, end_sessions_of
from portal.accounts.throttling import admit_address, admit_password, admit_reset, give_back
from portal.core.audit import Actor, record
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope, platform_scope
from portal.core.errors import DomainError, NotFoundError
from portal.core.http import public_link
from portal.core.mail import send_mail
from portal.core.tenancy import PLATFORM_MERCHANT

log = structlog.get_logger(__name__)

RESET_LIVES: Final = dt.timedelta(hours=1)


class SignInError(DomainError):
    """Wrong address or password, or an account that is closed: one sentence for all."""

    def __init__(self) -> None:
        super().__init__("The address or the password is wrong.")


class ResetLinkError(NotFoundError):
    """The link was used, replaced or is older than an hour."""

    def __init__(self) -> None:
        super().__init__("This link is no longer good. Ask for a new one.")


def authenticate(email: str, password: str, *, address: str | None) -> User:
    """The user with that address and password.

    Raises:
        SignInError: there is none.
        TooManyTriesError: too many wrong tries at the account, or from the address.
    """
    from_address = admit_address(address)
    at_account = admit_password(email)
    with EvenAnswer():
        user = user_by_email(email)
        is_right = is_password(password, user.password_hash if user else None)
    if user is None or not is_right or user.state != "active":
        log.info("sign-in refused", reason="credentials")
        raise SignInError
    give_back(at_account)
    give_back(from_address)
    if user.password_hash and wants_rehash(user.password_hash):
        user.password_hash = hash_password(password)
    return user


def sign_in(user: User) -> int | None:
    """Begin a session at the desk the user sat at last; returns that merchant's id. Commits."""
    user_id, name, last = user.id, user.name, user.last_merchant_id
    choices = [choice.id for choice in merchants_of(user_id)]
    merchant_id = last if last in choices else next(iter(choices), None)
    user.last_merchant_id = merchant_id
    begun = begin_session(user_id, merchant_id)
    session_id = begun.id
    db.session.commit()
    with merchant_scope(PLATFORM_MERCHANT if merchant_id is None else merchant_id):
        record(
            action="user.signed-in",
            by=Actor(kind="user", id=user_id, name=name),
            subject=("user", user_id),
            after={"session_id": session_id},
        )
        db.session.commit()
    return merchant_id


def request_reset(email: str, *, address: str | None) -> None:
    """Mail a link to choose a new password, if someone signs in with that address. Commits.

    Raises:
        TooManyTriesError: too many links asked for lately.
    """
    admit_address(address)
    admit_reset(email)
    with EvenAnswer(), platform_scope():
        user = user_by_email(email)
        if user is None or user.state != "active":
            return
        token, now = new_token(), utc_now()
        db.session.execute(
            sa.update(PasswordReset)
            .where(PasswordReset.user_id == user.id, PasswordReset.used_at.is_(None))
            .values(used_at=now)
        )
        db.session.add(
            PasswordReset(
                token_hash=token_hash(token), user_id=user.id, created_at=now, expires_at=now + RESET_LIVES
            )
        )
        send_mail(
            template="password_reset",
            to=user.email,
            locale=user.locale or "en_GB",
            about=("user", user.id),
            context={
                "name": user.name,
                "link": public_link(url_for("accounts.reset_password", token=token)),
                "minutes": int(RESET_LIVES.total_seconds() // 60),
            },
        )
        db.session.commit()


def user_of_reset(token: str) -> User:
    """The user whose password a link may set.

    Raises:
        ResetLinkError: the link is not good any more.
    """
    good = (
        sa.select(User)
        .join(PasswordReset, PasswordReset.user_id == User.id)
        .where(
            PasswordReset.token_hash == token_hash(token),
            PasswordReset.used_at.is_(None),
            PasswordReset.expires_at > utc_now(),
            User.state == "active",
        )
    )
    user = db.session.scalars(good).one_or_none()
    if user is None:
        raise ResetLinkError
    return user


def reset_password(token: str, password: str) -> User:
    """Set the password, use the link up, end every session of the user.

    Raises:
        ResetLinkError: the link is not good any more; of two uses at once, one gets this.
        DomainError: the password is easy to guess.
    """
    user = user_of_reset(token)
    set_password(user, password)
    used = (
        sa.update(PasswordReset)
        .where(PasswordReset.token_hash == token_hash(token), PasswordReset.used_at.is_(None))
        .values(used_at=utc_now())
    )
    if not db.session.execute(used.returning(PasswordReset.user_id)).all():
        raise ResetLinkError
    ended = end_sessions_of(user.id)
    record(
        action="user.password-reset",
        by=Actor(kind="user", id=user.id, name=user.name),
        subject=("user", user.id),
        after={"sessions_ended": ended},
    )
    return user


def forget_old_resets(before: dt.datetime) -> int:
    """Delete links that nobody can use any more."""
    deleted = (
        sa.delete(PasswordReset).where(PasswordReset.expires_at < before).returning(PasswordReset.user_id)
    )
    return len(db.session.execute(deleted).all())
