"""At most so many tries in so much time, counted in PostgreSQL so that it holds when Redis is down.

The window slides and the row lock makes it exact: fifty simultaneous tries from fifty addresses are still counted one
after the other. A try that turns out well gives its place back, so only failures use up the allowance.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.clock import utc_now
from portal.core.database import Base, short_transaction
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import Platform


class Throttle(Platform, Base):
    """The recent tries of one kind by one subject (an account, an address); the subject is a keyed hash."""

    __tablename__ = "throttle"
    __table_args__ = (sa.Index(None, "last_at"),)

    key: Mapped[bytes] = mapped_column(
        primary_key=True,
        info=pii(
            category="identifier",
            strategy="staff",
            basis="legitimate_interest",
            purpose="stop password guessing",
            retention="1 day",
        ),
    )
    tries: Mapped[list[dt.datetime]] = mapped_column(ARRAY(sa.DateTime(timezone=True)), info=not_pii("times"))
    last_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a try may go on, and the seconds to wait when it may not."""

    key: bytes
    at: dt.datetime
    retry_after: int = 0

    @property
    def is_allowed(self) -> bool:
        return self.retry_after == 0


def admit(kind: str, subject: str, *, limit: int, window: dt.timedelta) -> Admission:
    """Take one of the *limit* places that *subject* has per *window*; committed before it returns."""
    key, now = _key(kind, subject), utc_now()
    with short_transaction() as session:
        claim = insert(Throttle).values(key=key, tries=[], last_at=now)
        locked = claim.on_conflict_do_update(index_elements=["key"], set_={"last_at": now}).returning(
            Throttle.tries
        )
        recent = [at for at in session.execute(locked).scalar_one() if at > now - window]
        if len(recent) >= limit:
            oldest_that_counts = sorted(recent)[-limit]
            return Admission(
                key, now, retry_after=max(1, int((oldest_that_counts + window - now).total_seconds()) + 1)
            )
        session.execute(sa.update(Throttle).where(Throttle.key == key).values(tries=[*recent, now]))
    return Admission(key, now)


def give_back(admission: Admission) -> None:
    """The try was rightful: it does not count."""
    with short_transaction() as session:
        without = sa.func.array_remove(Throttle.tries, admission.at)
        session.execute(sa.update(Throttle).where(Throttle.key == admission.key).values(tries=without))


def forget_old_tries(before: dt.datetime) -> int:
    """Delete counters nobody has touched since *before*; returns how many."""
    with short_transaction() as session:
        deleted = session.execute(
            sa.delete(Throttle).where(Throttle.last_at < before).returning(Throttle.key)
        )
        return len(deleted.all())


def _key(kind: str, subject: str) -> bytes:
    secret = str(current_app.secret_key).encode()
    return hmac.digest(secret, f"{kind}\0{subject}".encode(), hashlib.sha256)
