"""Files of a merchant: encrypted in the object store, a row each, gone when they expire.

``put`` writes the object first and the row with the business change; an object without a row is swept away by expiry
of its folder, a row without an object cannot arise.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

import sqlalchemy as sa

from portal.core import ciphers, keyring
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.core.secrets import secret_box
from portal.core.storage import objects
from portal.core.storage.envelope import seal_stream, unseal_stream
from portal.core.storage.models import StoredFile

__all__ = ["StoredFile", "delete", "delete_expired", "file_of", "open_stream", "put", "read_bytes"]

PURPOSE: Final = "file"
EXPIRED_AT_ONCE: Final = 500


def put(
    key: str,
    data: bytes | Iterable[bytes],
    subject_id: int | None = None,
    *,
    filename: str | None = None,
    media_type: str = "application/octet-stream",
    expires_at: dt.datetime | None = None,
    by: int | None = None,
) -> StoredFile:
    """Store *data* under *key*, encrypted, replacing what stood there; flushes the row, the caller commits.

    Args:
        key: made by the program from ids, as in ``exports/123/orders.csv``.
        data: bytes, or pieces of a file of any size; it is never held whole.
        subject_id: the person it concerns, if one; the file dies with that person's key.
        filename: the name a download gets.
        expires_at: when the file and its row are deleted.
        by: the user it was made for.

    Raises:
        KeyringUnavailableError: it concerns a person and the key database does not answer.
    """
    counted = _Counted([data] if isinstance(data, bytes) else data)
    hashed = _Hashed(seal_stream(counted, lambda key: _wrap(key, subject_id), subject_id=subject_id or 0))
    objects.write(key, hashed)
    stored = db.session.scalars(
        sa.select(StoredFile).where(StoredFile.key == key)
    ).one_or_none() or StoredFile(key=key)
    stored.filename, stored.media_type = filename, media_type
    stored.size, stored.sha256 = counted.total, hashed.digest.digest()
    stored.data_subject_id, stored.created_by, stored.expires_at = subject_id, by, expires_at
    db.session.add(stored)
    db.session.flush()
    return stored


def open_stream(key: str) -> Iterator[bytes]:
    """The plain bytes of a file, piece by piece.

    Raises:
        NotFoundError: there is no such file.
        KeyDestroyedError: the person it concerns was erased.
        DecryptionError: it was changed in the store.
    """
    try:
        return unseal_stream(objects.stream(key), _unwrap)
    except FileNotFoundError as error:
        raise NotFoundError("This file no longer exists.") from error


def read_bytes(key: str) -> bytes:
    """A small file, whole; same errors as ``open_stream``."""
    return b"".join(open_stream(key))


def file_of(file_id: int) -> StoredFile:
    """The row of a file that has not expired.

    Raises:
        NotFoundError: there is none.
    """
    stored = db.session.get(StoredFile, (current_merchant_id(), file_id))
    if stored is None or (stored.expires_at is not None and stored.expires_at <= utc_now()):
        raise NotFoundError("This file no longer exists. Files made for a download are kept for a day.")
    return stored


def delete(key: str) -> None:
    """Delete a file and its row; the caller commits."""
    objects.remove(key)
    db.session.execute(sa.delete(StoredFile).where(StoredFile.key == key))


def delete_expired() -> int:
    """Delete the merchant's files whose time is over, some at a time; returns how many. The caller commits."""
    expired = db.session.scalars(
        sa.select(StoredFile)
        .where(StoredFile.expires_at <= utc_now())
        .order_by(StoredFile.expires_at)
        .limit(EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for stored in expired:
        objects.remove(stored.key)
        db.session.delete(stored)
    db.session.flush()
    return len(expired)


def _wrap(file_key: bytes, subject_id: int | None) -> bytes:
    if subject_id is None:
        return secret_box.encrypt(file_key, PURPOSE)
    return keyring.encrypt(file_key, PURPOSE, subject_id)


def _unwrap(subject_id: int, wrapped: bytes) -> bytes:
    if wrapped.startswith(ciphers.UNDER_MASTER_KEY):
        return secret_box.decrypt(wrapped, PURPOSE)
    return keyring.decrypt(wrapped, PURPOSE, subject_id)


class _Counted:
    def __init__(self, data: Iterable[bytes]) -> None:
        self._data = data
        self.total = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._data:
            self.total += len(piece)
            yield piece


class _Hashed:
    def __init__(self, data: Iterable[bytes]) -> None:
        self._data = data
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._data:
            self.digest.update(piece)
            yield piece
