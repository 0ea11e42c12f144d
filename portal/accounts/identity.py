"""Who is asking: one query per request finds session, user, merchant, membership and permissions together."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask_login import AnonymousUserMixin, UserMixin

from portal.accounts.permissions import OPERATE, known
from portal.core.audit import Actor
from portal.core.database import db

IDLE_MINUTES: Final = 30
IDLE_SETTING: Final = "session_idle_minutes"


@dataclass(frozen=True, slots=True)
class MerchantInfo:
    """The merchant whose desk this person sits at."""

    id: int
    name: str
    slug: str
    country: str
    currency: str
    locale: str
    time_zone: str
    prices_include_tax: bool
    settings: dict[str, Any]


@dataclass(frozen=True)
class Identity(UserMixin):  # type: ignore[misc]
    """The signed-in person, as one request knows them; a change of role is seen by the next request.

    ``desks`` are the merchants they may work for, id and name, for the switcher.
    """

    id: int
    name: str
    email: str
    locale: str | None
    time_zone: str | None
    theme: str
    is_operator: bool
    session_id: int
    session_merchant_id: int | None
    last_seen_at: dt.datetime
    confirmed_at: dt.datetime
    merchant: MerchantInfo | None
    role_id: int | None
    role_name: str | None
    role_key: str | None
    permissions: frozenset[str]
    desks: tuple[dict[str, Any], ...]

    def can(self, permission: str) -> bool:
        return permission in self.permissions

    @property
    def actor(self) -> Actor:
        return Actor(kind="user", id=self.id, name=self.name)

    @property
    def idle_limit(self) -> dt.timedelta:
        chosen = self.merchant.settings.get(IDLE_SETTING) if self.merchant else None
        return dt.timedelta(minutes=chosen if isinstance(chosen, int) else IDLE_MINUTES)


class Anonymous(AnonymousUserMixin):  # type: ignore[misc]
    """Nobody is signed in."""

    def can(self, permission: str) -> bool:
        return False


def find_identity(token_hash: bytes, now: dt.datetime) -> Identity | None:
    """The person behind a session token; None when the session ended or the account is closed.

    Membership comes only if the session's merchant is the one in scope: row-level security hides the others.
    """
    row = db.session.execute(_QUERY, {"token_hash": token_hash, "now": now}).one_or_none()
    if row is None:
        return None
    merchant = None
    if row.role_id is not None:
        merchant = MerchantInfo(
            row.merchant_id,
            row.merchant_name,
            row.slug,
            row.country,
            row.currency,
            row.merchant_locale,
            row.merchant_time_zone,
            row.prices_include_tax,
            row.settings,
        )
    granted = known(row.permissions) if merchant else frozenset()
    identity = Identity(
        id=row.user_id,
        name=row.user_name,
        email=row.email,
        locale=row.user_locale,
        time_zone=row.user_time_zone,
        theme=row.theme,
        is_operator=row.is_operator,
        session_id=row.session_id,
        session_merchant_id=row.active_merchant_id,
        last_seen_at=row.last_seen_at,
        confirmed_at=row.confirmed_at,
        merchant=merchant,
        role_id=row.role_id,
        role_name=row.role_name,
        role_key=row.role_key,
        permissions=granted | {OPERATE} if row.is_operator else granted,
        desks=tuple(row.desks or ()),
    )
    return identity if now - identity.last_seen_at <= identity.idle_limit else None


# One function, so that its plan is kept (migrations/functions/accounts.sql).
_QUERY: Final = sa.text("SELECT * FROM identity_of(:token_hash, :now)")
