"""The chain over committed entries.

The sealer follows the log in commit order, so no writer waits for it and no committed entry is passed over. A seal
holds the ids and hashes of a run of entries and a hash over them and the seal before. The newest seal of each day is
signed with a key the database does not hold, and kept in the object store: who rewrites the whole chain, or cuts its
end off, cannot rewrite that.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portal.config import settings
from portal.core.audit.models import AuditEntry, AuditSeal
from portal.core.ciphers import MasterKey
from portal.core.clock import utc_now
from portal.core.commit_order import Position, clusters_of, committed_after
from portal.core.database import current_merchant_id, db
from portal.core.storage import objects

ENTRIES_PER_SEAL: Final = 500
LOCK_CLASS: Final = 727_010
HEADS: Final = "audit-heads"
FIRST: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain as it was signed."""

    merchant_id: int
    number: int
    hash: bytes


def seal_entries() -> int:
    """Chain the merchant's committed entries that are not chained yet, sign the new end; returns how many.

    Commits batch by batch: a seal stands or does not, and the next run goes on from there.
    """
    sealed = 0
    while True:
        # One sealer per merchant at a time; a fork of the chain is impossible besides, by the primary key.
        locked = db.session.execute(
            sa.text("SELECT pg_try_advisory_xact_lock(:class, :merchant)"),
            {"class": LOCK_CLASS, "merchant": current_merchant_id()},
        ).scalar_one()
        batch = _next_batch() if locked else []
        if not batch:
            db.session.rollback()
            return sealed
        head = _append(batch)
        db.session.commit()
        objects.write(f"{HEADS}/{utc_now():%Y-%m-%d}.json", sign(head))
        sealed += len(batch)


def entry_hash(entry: sa.Row[Any]) -> bytes:
    """The hash of everything an entry holds, as it stands in the database; encrypted values as they are."""
    parts = [bytes(part).hex() if isinstance(part, (bytes, memoryview)) else part for part in entry]
    return hashlib.sha256(json.dumps(parts, default=str, ensure_ascii=False).encode()).digest()


def link(previous: bytes, number: int, entry_ids: list[int], entry_hashes: bytes) -> bytes:
    """The hash of a seal."""
    digest = hashlib.sha256(previous + number.to_bytes(8, "big") + len(entry_ids).to_bytes(4, "big"))
    for entry_id in entry_ids:
        digest.update(entry_id.to_bytes(8, "big"))
    digest.update(entry_hashes)
    return digest.digest()


def hashed_columns() -> list[sa.ColumnElement[Any]]:
    """What of an entry is hashed: every column, jsonb as its text, so that a number is what PostgreSQL wrote."""
    table = AuditEntry.__table__
    # Sorted by name: the order in the table is no part of the meaning.
    columns = sorted(table.columns, key=lambda column: column.name)
    return [sa.cast(column, sa.Text) if column.name in {"changes", "xid"} else column for column in columns]


def sign(head: Head) -> bytes:
    """A head as it is kept outside the database."""
    body = {"merchant": head.merchant_id, "number": head.number, "hash": head.hash.hex()}
    signature = _private_key().sign(_canonical(body))
    return json.dumps(body | {"signature": base64.b64encode(signature).decode()}).encode()


def signed_heads() -> tuple[list[Head], list[str]]:
    """The heads kept for the merchant, and the keys of those that are not ours or not whole."""
    heads, bad = [], []
    for key in objects.keys_under(HEADS):
        head = _verified(objects.read(key))
        if head is None or head.merchant_id != current_merchant_id():
            bad.append(key)
        else:
            heads.append(head)
    return heads, bad


def _next_batch() -> list[tuple[AuditEntry, bytes]]:
    for cluster in clusters_of(db.session(), AuditEntry):
        last = db.session.execute(
            sa.select(AuditSeal)
            .where(AuditSeal.cluster == cluster)
            .order_by(AuditSeal.number.desc())
            .limit(1)
        ).scalar_one_or_none()
        position = Position(cluster, last.last_xid, last.entry_ids[-1]) if last else Position(cluster)
        entries = db.session.scalars(committed_after(AuditEntry, position, ENTRIES_PER_SEAL)).all()
        if entries:
            rows = db.session.execute(
                sa.select(AuditEntry.__table__.c.id, *hashed_columns()).where(
                    AuditEntry.__table__.c.merchant_id == current_merchant_id(),
                    AuditEntry.__table__.c.id.in_([entry.id for entry in entries]),
                )
            )
            hashes = {row[0]: entry_hash(row) for row in rows}
            return [(entry, hashes[entry.id]) for entry in entries]
    return []


def _append(batch: list[tuple[AuditEntry, bytes]]) -> Head:
    last = db.session.scalars(sa.select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1)).one_or_none()
    number = last.number + 1 if last else 1
    ids, hashes = [entry.id for entry, _ in batch], b"".join(each for _, each in batch)
    entry = batch[-1][0]
    seal = AuditSeal(
        number=number,
        cluster=entry.cluster,
        last_xid=entry.xid,
        entry_ids=ids,
        entry_hashes=hashes,
        hash=link(last.hash if last else FIRST, number, ids, hashes),
    )
    db.session.add(seal)
    db.session.flush()
    return Head(current_merchant_id(), number, seal.hash)


def _verified(content: bytes) -> Head | None:
    try:
        body = json.loads(content)
        signature = base64.b64decode(body.pop("signature"))
        _private_key().public_key().verify(signature, _canonical(body))
        return Head(int(body["merchant"]), int(body["number"]), bytes.fromhex(body["hash"]))
    except (ValueError, KeyError, TypeError, AttributeError, InvalidSignature):
        return None


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True).encode()


def _private_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(MasterKey(settings().master_key).derive("audit heads"))
