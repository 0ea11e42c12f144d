"""Merchants and users: how they come to be and what they may change about themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import available_timezones

import sqlalchemy as sa
from babel import Locale, UnknownLocaleError
from babel.numbers import list_currencies
from sqlalchemy.exc import IntegrityError

from portal.accounts.identity import IDLE_MINUTES, IDLE_SETTING
from portal.accounts.models import Membership, Merchant, User
from portal.accounts.passwords import hash_password, is_password, weakness
from portal.accounts.roles import seed_roles
from portal.accounts.sessions import end_sessions_of
from portal.core.audit import Actor, record
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import DomainError
from portal.core.merging import merged

MERCHANT_FIELDS: Final = ("name", "country", "currency", "locale", "time_zone", "prices_include_tax")


class EmailTakenError(DomainError):
    """Another user has the address."""

    def __init__(self) -> None:
        super().__init__("Another user already signs in with this address.", field="email")


class SlugTakenError(DomainError):
    """Another merchant has the short name."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"There is already a merchant called {slug}. Choose another short name.", field="slug"
        )


def create_merchant(
    *,
    name: str,
    slug: str,
    country: str,
    currency: str,
    locale: str = "en_GB",
    time_zone: str = "UTC",
    prices_include_tax: bool = False,
    by: Actor,
) -> Merchant:
    """A new merchant with the built-in roles, committed. Call it outside a merchant's scope.

    Raises:
        SlugTakenError: the short name is in use.
        DomainError: a code names no country, currency, locale or zone.
    """
    check_region(country=country, currency=currency, locale=locale, time_zone=time_zone)
    merchant = Merchant(
        name=name,
        slug=slug,
        country=country,
        currency=currency,
        locale=locale,
        time_zone=time_zone,
        prices_include_tax=prices_include_tax,
    )
    try:
        with db.session.begin_nested():
            db.session.add(merchant)
    except IntegrityError as error:
        raise SlugTakenError(slug) from error
    merchant_id = merchant.id
    db.session.commit()
    with merchant_scope(merchant_id):
        seed_roles()
        record(
            action="merchant.created",
            by=by,
            subject=("merchant", merchant_id),
            after={"name": name, "currency": currency},
        )
        db.session.commit()
    return db.session.get_one(Merchant, merchant_id)


def create_user(*, email: str, name: str, password: str | None = None, is_operator: bool = False) -> User:
    """A new user, flushed. Without a password they choose one through a link.

    Raises:
        EmailTakenError: the address is in use.
    """
    user = User(email=email.strip(), name=" ".join(name.split()), is_operator=is_operator)
    if password is not None:
        user.password_hash, user.password_changed_at = hash_password(password), utc_now()
    try:
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError as error:
        raise EmailTakenError from error
    return user


def add_member(user_id: int, role_id: int, *, by: Actor) -> Membership:
    """Make a user a member of the merchant in scope, or let a former member back in."""
    membership = db.session.scalars(sa.select(Membership).where(Membership.user_id == user_id)).one_or_none()
    if membership is None:
        membership = Membership(user_id=user_id, role_id=role_id)
        db.session.add(membership)
    membership.role_id, membership.state = role_id, "active"
    db.session.flush()
    record(action="member.added", by=by, subject=("user", user_id), after={"role_id": role_id})
    return membership


def change_profile(user: User, *, name: str, locale: str | None, time_zone: str | None, by: Actor) -> None:
    """What a person may change about themselves; the address they sign in with is not among it."""
    user.name, user.locale, user.time_zone = " ".join(name.split()), locale or None, time_zone or None
    db.session.flush()
    record(
        action="user.profile-changed",
        by=by,
        subject=("user", user.id),
        after={"locale": locale, "time_zone": time_zone},
    )


def change_password(user: User, *, current: str, new: str, session_id: int, by: Actor) -> int:
    """Choose another password; every other session ends. Returns how many did.

    Raises:
        DomainError: the current one is wrong, or the new one is easy to guess.
    """
    if not is_password(current, user.password_hash):
        raise DomainError("This is not your current password.", field="current")
    set_password(user, new)
    ended = end_sessions_of(user.id, but=session_id)
    record(action="user.password-changed", by=by, subject=("user", user.id), after={"sessions_ended": ended})
    return ended


def set_password(user: User, password: str) -> None:
    """Keep a new password.

    Raises:
        DomainError: it is easy to guess.
    """
    weak = weakness(password, email=user.email, name=user.name)
    if weak:
        raise DomainError(weak, field="password")
    user.password_hash, user.password_changed_at = hash_password(password), utc_now()
    db.session.flush()


def change_merchant(
    merchant: Merchant, values: Mapping[str, Any], *, version: int, base: Mapping[str, Any], by: Actor
) -> None:
    """Save the merchant's settings. ``base`` is what the form showed when it was opened.

    A field only one side changed is kept; one that both changed differently clashes.

    Raises:
        StaleError: both sides changed a field.
        DomainError: a code names no country, currency, locale or zone.
    """
    now = merchant_values(merchant)
    if merchant.version != version:
        values = merged(now, base, values, version=merchant.version)
    check_region(**{name: values[name] for name in ("country", "currency", "locale", "time_zone")})
    changed = {name for name in values if values[name] != now[name]}
    if not changed:
        return
    for name in changed & set(MERCHANT_FIELDS):
        setattr(merchant, name, values[name])
    if IDLE_SETTING in changed:
        merchant.settings = {**merchant.settings, IDLE_SETTING: values[IDLE_SETTING]}
    db.session.flush()
    record(
        action="merchant.changed",
        by=by,
        subject=("merchant", merchant.id),
        before={name: now[name] for name in changed},
        after={name: values[name] for name in changed},
    )


def merchant_values(merchant: Merchant) -> dict[str, Any]:
    """The settings a form shows, by field name."""
    return {name: getattr(merchant, name) for name in MERCHANT_FIELDS} | {
        IDLE_SETTING: merchant.settings.get(IDLE_SETTING, IDLE_MINUTES)
    }


def check_region(*, country: str, currency: str, locale: str, time_zone: str) -> None:
    """Refuse codes that nothing could be formatted with.

    Raises:
        DomainError: naming the field.
    """
    try:
        territories = Locale.parse(locale).territories
    except (ValueError, UnknownLocaleError) as error:
        raise DomainError(f"There is no locale {locale}.", field="locale") from error
    if len(country) != 2 or country not in territories:
        raise DomainError(f"There is no country {country}.", field="country")
    if currency not in list_currencies():
        raise DomainError(f"There is no currency {currency}.", field="currency")
    if time_zone not in available_timezones():
        raise DomainError(f"There is no time zone {time_zone}.", field="time_zone")
