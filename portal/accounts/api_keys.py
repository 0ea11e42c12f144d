"""Keys by which programs of a merchant call the API: made once, shown once, bound to a sales channel, ended at once."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.accounts.models import ApiKey
from portal.accounts.passwords import new_token, token_hash
from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.ids import parse_public_id, public_id

PREFIX: Final = "prt"
_FORM: Final = re.compile(r"(prt_[0-9a-z]{1,13})_([A-Za-z0-9_-]{43})")
TOUCH_EVERY: Final = dt.timedelta(minutes=1)
FASTEST: Final = 60_000
LONGEST_NAME: Final = 80

SCOPES: Final = {
    "orders.read": "Read orders",
    "orders.write": "Place orders",
}

Choices = Sequence[tuple[int, str]]
_channels: list[Callable[[], Choices]] = []


@dataclass(frozen=True, slots=True)
class Caller:
    """The program behind a request, and what placing an order needs to know of its merchant."""

    key_id: int
    name: str
    scopes: frozenset[str]
    channel_id: int | None
    rate_per_minute: int
    last_used_at: dt.datetime | None
    merchant_id: int
    country: str
    currency: str
    time_zone: str
    prices_include_tax: bool

    @property
    def actor(self) -> Actor:
        return Actor(kind="channel", id=None, name=f"API key {self.name}")


def register_channel_choices(choices: Callable[[], Choices]) -> None:
    """Say which sales channels a key can speak for; the floor that knows channels calls this at start."""
    _channels[:] = [choices]


def channel_choices() -> Choices:
    """Sales channels of the merchant in scope: id and name."""
    return _channels[0]() if _channels else ()


def create_key(
    *, name: str, scopes: Iterable[str], channel_id: int | None, rate_per_minute: int, by: Actor
) -> tuple[ApiKey, str]:
    """Make a key; gives its row and the secret, which is kept nowhere.

    Raises:
        DomainError: the name is empty, a scope or the channel is unknown, the rate is out of range.
    """
    shown, wanted = " ".join(name.split())[:LONGEST_NAME], sorted(set(scopes))
    if not shown:
        raise DomainError("Name the program that will use the key.", field="name")
    if not wanted or not set(wanted) <= SCOPES.keys():
        raise DomainError("Choose what the key may do.", field="scopes")
    if channel_id is not None and channel_id not in {each for each, _ in channel_choices()}:
        raise DomainError("Choose a sales channel of the list.", field="channel_id")
    if "orders.write" in wanted and channel_id is None:
        raise DomainError("A key that places orders speaks for one sales channel.", field="channel_id")
    if not 1 <= rate_per_minute <= FASTEST:
        raise DomainError(f"Enter 1 to {FASTEST:,} requests a minute.", field="rate_per_minute")
    secret = f"{public_id(PREFIX, current_merchant_id())}_{new_token()}"
    key = ApiKey(
        name=shown,
        hint=secret[: len(secret) - 36],
        secret_hash=token_hash(secret),
        scopes=wanted,
        channel_id=channel_id,
        rate_per_minute=rate_per_minute,
        created_by=by.id,
    )
    db.session.add(key)
    db.session.flush()
    audit.record(
        action="api_key.created",
        by=by,
        subject=("api_key", key.id),
        after={"name": shown, "scopes": wanted, "channel_id": channel_id, "rate_per_minute": rate_per_minute},
    )
    return key, secret


def revoke_key(key: ApiKey, *, by: Actor) -> None:
    """End the key; the next request with it is refused.

    Raises:
        ConflictError: it was ended before.
    """
    if key.revoked_at is not None:
        raise ConflictError("This key was revoked before.")
    key.revoked_at = utc_now()
    db.session.flush()
    audit.record(action="api_key.revoked", by=by, subject=("api_key", key.id), before={"name": key.name})


def all_keys() -> Sequence[ApiKey]:
    """The keys of the merchant in scope, living ones first, newest first."""
    return db.session.scalars(
        sa.select(ApiKey).order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc())
    ).all()


def merchant_of_secret(secret: str) -> int | None:
    """Which merchant a secret names; it may still be no key of theirs."""
    matched = _FORM.fullmatch(secret)
    merchant_id = parse_public_id(PREFIX, matched[1]) if matched else None
    return merchant_id if merchant_id and merchant_id < 1 << 31 else None


def find_caller(secret: str) -> Caller | None:
    """The program behind *secret* among the keys of the merchant in scope; None when it is ended or none at all."""
    row = db.session.execute(
        _FIND, {"merchant": current_merchant_id(), "hash": token_hash(secret), "now": utc_now()}
    ).one_or_none()
    if row is None:
        return None
    values: dict[str, Any] = dict(row._mapping)
    return Caller(**values | {"scopes": frozenset(values["scopes"]) & SCOPES.keys()})


def touch_key(caller: Caller) -> None:
    """Note once a minute that the key is in use; its own small commit, before the view begins."""
    now = utc_now()
    if caller.last_used_at is not None and now - caller.last_used_at < TOUCH_EVERY:
        return
    table = ApiKey.__table__
    db.session.execute(
        sa.update(table)
        .where(table.c.merchant_id == caller.merchant_id, table.c.id == caller.key_id)
        .values(last_used_at=now)
    )
    db.session.commit()


_FIND: Final = sa.text("""
    SELECT k.id AS key_id, k.name, k.scopes, k.channel_id, k.rate_per_minute, k.last_used_at,
           m.id AS merchant_id, m.country, m.currency, m.time_zone, m.prices_include_tax
    FROM api_key AS k JOIN merchant AS m ON m.id = k.merchant_id AND m.state = 'active'
    WHERE k.merchant_id = :merchant AND k.secret_hash = :hash AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > :now)""")
