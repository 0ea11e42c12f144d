"""The same request twice is one effect and one answer.

    known = claim(owner, key, fingerprint_of(method, path, body))   # in the transaction of the effect
    if known is None:
        ...                                                          # the effect
        remember(owner, key, Answer(201, body))                      # and one commit for both

The key's row is written first, in the transaction of the effect: whoever comes second waits for the first one's commit
and then reads its answer. A crash takes back the key with the effect, so a repeat does the work anew.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.clock import utc_now
from portal.core.database import Base, current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant

LONGEST_KEY = 255
KEPT_FOR = dt.timedelta(days=7)


class IdempotencyKey(Tenant, Base):
    """A request that came with a key, and what it was answered. The answer holds no personal data."""

    __tablename__ = "idempotency_key"

    owner: Mapped[str] = mapped_column(
        sa.Text(collation="C"),
        primary_key=True,
        info=not_pii("whose keys these are: a key of the API, or forms"),
    )
    key: Mapped[str] = mapped_column(
        sa.Text(collation="C"),
        primary_key=True,
        info=not_pii("random word of a program, or hash of a form with its token"),
    )
    fingerprint: Mapped[bytes] = mapped_column(info=not_pii("hash of the request"))
    status: Mapped[int | None] = mapped_column(sa.SmallInteger, info=not_pii("status of the answer"))
    body: Mapped[bytes | None] = mapped_column(info=not_pii("answer without personal data"))
    address: Mapped[str | None] = mapped_column(info=not_pii("address of what was made"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))

    __table_args__ = (
        sa.Index(None, "merchant_id", "created_at"),
        sa.CheckConstraint("(status IS NULL) = (body IS NULL)", name="answered"),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first request was answered, to be repeated byte for byte."""

    status: int
    body: bytes
    address: str | None = None


class KeyReusedError(DomainError):
    """The key came before with another request."""


def fingerprint_of(method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same: method, path and the bytes of the body."""
    return hashlib.sha256(b"\0".join([method.encode(), path.encode(), body])).digest()


def claim(owner: str, key: str, fingerprint: bytes) -> Answer | None:
    """Take *key*, or learn what it was answered. Waits while another request with the key is at work.

    None means: go on, and call ``remember`` before the commit.

    Raises:
        DomainError: the key is empty, too long or not printable.
        KeyReusedError: the key came before with another request.
        ConflictError: the first request with this key ended without an answer.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise DomainError(
            f"An Idempotency-Key is 1 to {LONGEST_KEY} printable characters.", field="Idempotency-Key"
        )
    table = IdempotencyKey.__table__
    merchant_id = current_merchant_id()
    taken = db.session.execute(
        postgresql.insert(table)
        .values(merchant_id=merchant_id, owner=owner, key=key, fingerprint=fingerprint)
        .on_conflict_do_nothing()
        .returning(table.c.key)
    ).scalar_one_or_none()
    if taken is not None:
        return None
    known = db.session.execute(
        sa.select(table.c.fingerprint, table.c.status, table.c.body, table.c.address).where(
            table.c.merchant_id == merchant_id, table.c.owner == owner, table.c.key == key
        )
    ).one()
    if bytes(known.fingerprint) != fingerprint:
        raise KeyReusedError(
            "This Idempotency-Key was sent before with another request. Use a new key for a new request.",
            field="Idempotency-Key",
        )
    if known.status is None:
        raise ConflictError("The first request with this Idempotency-Key left no answer.")
    return Answer(known.status, bytes(known.body), known.address)


def remember(owner: str, key: str, answer: Answer) -> None:
    """Keep the answer with the effect, in the same transaction."""
    table = IdempotencyKey.__table__
    db.session.execute(
        sa.update(table)
        .where(
            table.c.merchant_id == current_merchant_id(),
            table.c.owner == owner,
            table.c.key == key,
        )
        .values(status=answer.status, body=answer.body, address=answer.address)
    )


def forget_old_keys(before: dt.datetime | None = None, most: int = 10_000) -> int:
    """Delete keys of the merchant in scope that are older than *before*, at most so many; returns how many."""
    table = IdempotencyKey.__table__
    merchant_id = current_merchant_id()
    old = (
        sa.select(table.c.owner, table.c.key)
        .where(table.c.merchant_id == merchant_id, table.c.created_at < (before or utc_now() - KEPT_FOR))
        .limit(most)
    )
    gone = db.session.execute(
        sa.delete(table)
        .where(table.c.merchant_id == merchant_id, sa.tuple_(table.c.owner, table.c.key).in_(old))
        .returning(table.c.key)
    )
    return len(gone.all())
