"""Identifiers of erased people as keyed digests: an old fact about them is refused, a new purchase is welcome."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from portal.core.database import db
from portal.privacy.keys import derived_key
from portal.privacy.models import Suppression


def is_suppressed(merchant_id: int, email_key: str | None, phone_key: str | None, at: dt.datetime) -> bool:
    """Whether a fact of the time *at* is about a person who was erased later than that.

    Args:
        merchant_id: the merchant in scope.
        email_key: ``normalise.email_key`` of the e-mail that came with the fact.
        phone_key: ``normalise.phone_key`` of the phone number.
        at: when it happened, not when it arrived.
    """
    digests = _digests(merchant_id, [("email", email_key), ("phone", phone_key)])
    if not digests:
        return False
    statement = (
        sa.select(sa.literal(1))
        .where(
            Suppression.merchant_id == merchant_id,
            sa.tuple_(Suppression.kind, Suppression.digest).in_(digests),
            Suppression.erased_at >= at,
        )
        .limit(1)
    )
    return db.session.scalar(statement) is not None


def suppressed_before(
    merchant_id: int, pairs: Iterable[tuple[str, str | None]]
) -> dict[tuple[str, str], dt.datetime]:
    """For many (kind, key) pairs at once, the time of erasure of those that are suppressed; imports ask per batch."""
    wanted = {
        (kind, digest): key
        for (kind, key) in pairs
        if key
        for _, digest in _digests(merchant_id, [(kind, key)])
    }
    if not wanted:
        return {}
    statement = sa.select(Suppression.kind, Suppression.digest, Suppression.erased_at).where(
        Suppression.merchant_id == merchant_id,
        sa.tuple_(Suppression.kind, Suppression.digest).in_(list(wanted)),
    )
    return {
        (row.kind, wanted[row.kind, bytes(row.digest)]): row.erased_at
        for row in db.session.execute(statement)
    }


def suppress(merchant_id: int, pairs: Iterable[tuple[str, str | None]], *, erased_at: dt.datetime) -> int:
    """Remember identifiers of an erased person; answers how many."""
    rows = [
        {"merchant_id": merchant_id, "kind": kind, "digest": digest, "erased_at": erased_at}
        for kind, digest in sorted(set(_digests(merchant_id, pairs)))
    ]
    if rows:
        statement = insert(Suppression)
        newest = sa.func.greatest(Suppression.erased_at, statement.excluded.erased_at)
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["merchant_id", "kind", "digest"], set_={"erased_at": newest}
            ),
            rows,
        )
    return len(rows)


def _digests(merchant_id: int, pairs: Iterable[tuple[str, str | None]]) -> list[tuple[str, bytes]]:
    key = derived_key("suppression")
    return [
        (kind, hmac.new(key, f"{merchant_id}:{kind}:{value}".encode(), hashlib.sha256).digest())
        for kind, value in pairs
        if value
    ]
