"""Files: encrypted, whole or not at all, apart by merchant, gone with their person or on their date."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.config import settings
from portal.core import keyring, storage
from portal.core.ciphers import DecryptionError
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import NotFoundError
from portal.core.storage import StoredFile, objects
from portal.core.storage.envelope import PIECE_BYTES
from tests.support.people import make_merchant


def raw(merchant_id: int, key: str) -> Path:
    return Path(urlsplit(settings().storage_url).path) / str(merchant_id) / key


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_a_file_comes_back_as_it_went_in(scope: int, size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    stored = storage.put("exports/1/orders.csv", content)
    assert storage.read_bytes("exports/1/orders.csv") == content
    assert stored.size == size


def test_no_plain_byte_reaches_the_store(scope: int) -> None:
    storage.put("exports/1/orders.csv", b"jane@example.com " * 100)
    assert b"jane" not in raw(scope, "exports/1/orders.csv").read_bytes()


def test_a_large_file_passes_through_in_pieces(scope: int) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(400):
            yield b"x" * 100_000

    tracemalloc.start()
    storage.put("exports/1/large.csv", pieces())
    total = sum(map(len, storage.open_stream("exports/1/large.csv")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 40_000_000
    assert peak < 25_000_000


def test_a_file_of_an_erased_person_is_unreadable_wherever_a_copy_lies(scope: int) -> None:
    storage.put("attachments/5", b"passport", subject_id=5)
    assert storage.read_bytes("attachments/5") == b"passport"
    keyring.destroy_person_key(5)
    with pytest.raises(keyring.KeyDestroyedError):
        storage.read_bytes("attachments/5")


def test_a_file_cut_off_or_changed_is_noticed(scope: int) -> None:
    storage.put("exports/1", b"x" * (2 * PIECE_BYTES + 5))
    path = raw(scope, "exports/1")
    whole = path.read_bytes()
    sealed_piece = PIECE_BYTES + 16
    for damaged in (
        whole[: -sealed_piece // 2],
        whole[:-21],
        whole[:200] + b"!" + whole[201:],
        b"hello",
        b"",
    ):
        path.write_bytes(damaged)
        with pytest.raises(DecryptionError):
            storage.read_bytes("exports/1")


def test_a_file_of_one_merchant_is_not_there_for_another(app: Flask, scope: int) -> None:
    storage.put("exports/1", b"mine")
    content = raw(scope, "exports/1").read_bytes()
    stranger = make_merchant(app)
    with app.app_context(), merchant_scope(stranger):
        with pytest.raises(NotFoundError):
            storage.read_bytes("exports/1")
        objects.write("exports/1", content)
        with pytest.raises(DecryptionError):
            storage.read_bytes("exports/1")


@pytest.mark.parametrize(
    "key", ["../2/secret", "/etc/passwd", "a//b", "a/../b", ".hidden", "", "a b", "a\\b", "a/" * 9 + "a"]
)
def test_it_refuses_keys_that_could_leave_the_folder(scope: int, key: str) -> None:
    with pytest.raises(objects.BadKeyError):
        storage.put(key, b"x")


def test_a_file_that_fails_while_it_is_written_leaves_nothing(scope: int) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x" * 6_000_000
        raise RuntimeError("the snapshot is gone")

    with pytest.raises(Exception, match="snapshot"):
        storage.put("exports/half", pieces())
    db.session.rollback()
    with pytest.raises(NotFoundError):
        storage.read_bytes("exports/half")


def test_expired_files_are_deleted_with_their_rows(scope: int) -> None:
    storage.put("exports/old", b"x", expires_at=utc_now() - dt.timedelta(seconds=1))
    kept = storage.put("exports/new", b"x", expires_at=utc_now() + dt.timedelta(hours=1))
    assert storage.delete_expired() == 1
    db.session.commit()
    assert db.session.scalars(sa.select(StoredFile.key)).all() == [kept.key]
    assert not raw(scope, "exports/old").exists() and raw(scope, "exports/new").exists()


def test_an_expired_file_is_not_offered_before_it_is_deleted(scope: int) -> None:
    stored = storage.put("exports/old", b"x", expires_at=utc_now() - dt.timedelta(seconds=1))
    with pytest.raises(NotFoundError):
        storage.file_of(stored.id)


def test_writing_again_replaces_the_file_and_keeps_one_row(scope: int) -> None:
    storage.put("exports/1", b"one")
    storage.put("exports/1", b"two")
    db.session.commit()
    assert storage.read_bytes("exports/1") == b"two"
    assert len(db.session.scalars(sa.select(StoredFile)).all()) == 1
    storage.delete("exports/1")
    db.session.commit()
    assert len(db.session.scalars(sa.select(StoredFile)).all()) == 0
