"""Sessions on the server: begun at sign-in, ended anywhere, gone with the next request.

The browser's cookie holds the token and, as a hint, the merchant, so that one query under the right merchant finds all.
The row decides: a hint that differs from it is corrected.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import sqlalchemy as sa
import structlog
from flask import Request, g, request, session

from portal.accounts.identity import Identity, find_identity
from portal.accounts.models import UserSession
from portal.accounts.passwords import new_token, token_hash
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.formats import Region
from portal.core.tenancy import PLATFORM_MERCHANT

LONGEST_SESSION: Final = dt.timedelta(hours=12)
TOUCH_EVERY: Final = dt.timedelta(minutes=1)
FRESH_FOR: Final = dt.timedelta(minutes=5)
KEEP_ENDED: Final = dt.timedelta(days=30)
TOKEN, MERCHANT = "token", "merchant"


def begin_session(user_id: int, merchant_id: int | None) -> UserSession:
    """Sign the browser of this request in, under a new token; whatever it was signed in to before is ended."""
    now = utc_now()
    if session.get(TOKEN):
        db.session.execute(
            sa.update(UserSession)
            .where(UserSession.token_hash == token_hash(session[TOKEN]))
            .values(revoked_at=now)
        )
    token = new_token()
    begun = UserSession(
        token_hash=token_hash(token),
        user_id=user_id,
        active_merchant_id=merchant_id,
        created_at=now,
        last_seen_at=now,
        confirmed_at=now,
        expires_at=now + LONGEST_SESSION,
        ip_address=request.remote_addr,
        user_agent=request.user_agent.string[:300],
    )
    db.session.add(begun)
    db.session.flush()
    flashes = session.get("_flashes")
    # A new cookie from the ground up: nothing set before sign-in, the form token included, is worth anything after it.
    session.clear()
    g.pop("csrf_token", None)
    session[TOKEN], session[MERCHANT] = token, merchant_id
    if flashes:
        session["_flashes"] = flashes
    return begun


def end_session() -> None:
    """Sign this browser out."""
    if session.get(TOKEN):
        revoke(UserSession.token_hash == token_hash(session[TOKEN]))
    session.clear()
    g.pop("csrf_token", None)


def end_session_of(user_id: int, session_id: int) -> bool:
    """End one session of a user; False when it is not theirs or not alive."""
    return revoke(UserSession.user_id == user_id, UserSession.id == session_id) > 0


def end_sessions_of(user_id: int, *, but: int | None = None) -> int:
    """End all sessions of a user, at once, everywhere; ``but`` is the one they are sitting at."""
    return revoke(UserSession.user_id == user_id, UserSession.id != (but or 0))


def revoke(*which: sa.ColumnElement[bool]) -> int:
    """End the living sessions that match; returns how many."""
    ended = (
        sa.update(UserSession).where(*which, UserSession.revoked_at.is_(None)).values(revoked_at=utc_now())
    )
    return len(db.session.execute(ended.returning(UserSession.id)).all())


def living_sessions(user_id: int, idle: dt.timedelta) -> Sequence[UserSession]:
    """A user's sessions that still work, latest first."""
    now = utc_now()
    alive = sa.select(UserSession).where(
        UserSession.user_id == user_id,
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > now,
        UserSession.last_seen_at > now - idle,
    )
    return db.session.scalars(alive.order_by(UserSession.last_seen_at.desc())).all()


def work_for(session_id: int, merchant_id: int) -> None:
    """Sit down at another merchant's desk, in this session."""
    db.session.execute(
        sa.update(UserSession).where(UserSession.id == session_id).values(active_merchant_id=merchant_id)
    )
    session[MERCHANT] = merchant_id


def mark_confirmed(session_id: int) -> None:
    """The person has just typed the password again."""
    db.session.execute(
        sa.update(UserSession).where(UserSession.id == session_id).values(confirmed_at=utc_now())
    )


def is_fresh(identity: Identity) -> bool:
    """Whether the password was typed in the last minutes."""
    return utc_now() - identity.confirmed_at <= FRESH_FOR


def forget_ended_sessions(before: dt.datetime) -> int:
    """Delete sessions that ended before *before*, with the addresses they were used from."""
    over = sa.or_(UserSession.expires_at < before, UserSession.revoked_at < before)
    return len(db.session.execute(sa.delete(UserSession).where(over).returning(UserSession.id)).all())


def begin_request() -> None:
    """Nobody is asking yet, in no merchant's scope."""
    g.identity, g.is_member, g.permissions = None, False, frozenset()
    g.caller = None
    g.scopes = ExitStack()


def load_identity() -> None:
    """Find who is asking and enter their merchant for the whole request, teardown included."""
    token = session.get(TOKEN)
    if not token or request.endpoint == "static":
        return
    now, hint = utc_now(), session.get(MERCHANT)
    identity = _find_in_scope(token, hint, now)
    if identity is not None and identity.session_merchant_id != hint:
        session[MERCHANT] = identity.session_merchant_id
        identity = _find_in_scope(token, identity.session_merchant_id, now)
    if identity is None:
        leave_scope()
        session.clear()
        return
    become(identity)


def become(identity: Identity) -> None:
    """Make *identity* the person of this request."""
    g.identity, g.permissions, g.is_member = identity, identity.permissions, identity.merchant is not None
    g._login_user = identity
    shop = identity.merchant
    g.region = Region(
        identity.locale or (shop.locale if shop else Region.locale),
        identity.time_zone or (shop.time_zone if shop else Region.zone),
    )
    structlog.contextvars.bind_contextvars(
        user_id=identity.id, merchant_id=shop.id if shop else PLATFORM_MERCHANT
    )


def touch(identity: Identity) -> None:
    """Note that the person is at work, once a minute; its own small commit, before the view begins."""
    now = utc_now()
    if now - identity.last_seen_at < TOUCH_EVERY:
        return
    db.session.execute(
        sa.update(UserSession).where(UserSession.id == identity.session_id).values(last_seen_at=now)
    )
    db.session.commit()


def enter_scope(merchant_id: int | None) -> None:
    """Work on this merchant's rows until the request is torn down; the platform's when there is none."""
    leave_scope()
    g.scopes.enter_context(merchant_scope(PLATFORM_MERCHANT if merchant_id is None else merchant_id))


def leave_scope(error: BaseException | None = None) -> None:
    """Leave it; runs while the session is still there, so nothing uncommitted slips into the next request."""
    scopes: ExitStack | None = g.get("scopes")
    if scopes is not None:
        g.scopes = ExitStack()
        scopes.close()


def identity_of(_: Request) -> Identity | None:
    """For Flask-Login: the person ``load_identity`` found. It never asks the database itself."""
    found: Identity | None = g.get("identity")
    return found


def _find_in_scope(token: str, merchant_id: int | None, now: dt.datetime) -> Identity | None:
    enter_scope(merchant_id)
    return find_identity(token_hash(token), now)
