"""Files on an order: kept sealed under the key of the order's person, of a few kinds, each only once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from portal.core import audit, storage
from portal.core.audit import Actor
from portal.core.card_numbers import refuse_card_numbers_in_file
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.orders.book import change_order, insert_row, lock_order, of_order, one_line
from portal.orders.models import OrderFile

MOST_BYTES: Final = 10 * 1024 * 1024
MOST_FILES: Final = 50
TEXT: Final = "text/plain"
# How files of each kind begin; what is called a picture and is none is refused.
BEGINNINGS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"RIFF", "image/webp"),
)

_file = OrderFile.__table__


def add_file(order_id: int, filename: str, data: bytes, *, subject_id: int | None, by: Actor) -> int:
    """Keep a file with the order; gives its number.

    Raises:
        DomainError: it is empty, too large, of a kind that is not kept, or a text with a card number in it.
        ConflictError: the order has the same file, or fifty of them.
        KeyringUnavailableError: it cannot be sealed now.
    """
    if not data:
        raise DomainError("Choose a file.", field="file")
    if len(data) > MOST_BYTES:
        raise DomainError("A file may have 10 MB. Save it smaller and try again.", field="file")
    media_type = kind_of(data)
    refuse_card_numbers_in_file(filename, data.decode() if media_type == TEXT else "")
    digest = hashlib.sha256(data).digest()
    lock_order(order_id)
    standing = files_of(order_id)
    if any(each["sha256"] == digest for each in standing):
        raise ConflictError("This order has this file already.", field="file")
    if len(standing) >= MOST_FILES:
        raise ConflictError(f"An order has at most {MOST_FILES} files.", field="file")
    name = one_line(filename.replace("/", " ").replace("\\", " "), 120) or "file"
    stored = storage.put(
        f"merchants/{current_merchant_id()}/orders/{order_id}/{secrets.token_hex(16)}", data, subject_id, filename=name,
        media_type=media_type, by=by.id,
    )  # fmt: skip
    n = int(db.session.execute(sa.select(sa.func.new_id(sa.func.now()))).scalar_one())
    insert_row(
        _file, order_id, n=n, file_id=stored.id, name=name, media_type=media_type, size=len(data), sha256=digest,
        actor_kind=by.kind, actor_id=by.id, at=utc_now(),
    )  # fmt: skip
    change_order(order_id)
    audit.record(
        action="order.file_added", by=by, subject=("order", order_id), after={"name": name, "bytes": len(data)},
        data_subject_id=subject_id,
    )  # fmt: skip
    return n


def remove_file(order_id: int, n: int, *, subject_id: int | None, by: Actor) -> None:
    """Take a file off the order and out of the store.

    Raises:
        NotFoundError: it is gone already.
    """
    lock_order(order_id)
    found = file_of(order_id, n)
    stored = storage.file_of(found["file_id"])
    db.session.execute(sa.delete(_file).where(of_order(_file, order_id), _file.c.n == n))
    storage.delete(stored.key)
    change_order(order_id)
    audit.record(
        action="order.file_removed", by=by, subject=("order", order_id), before={"name": found["name"]},
        data_subject_id=subject_id,
    )  # fmt: skip


def files_of(order_id: int) -> Sequence[sa.RowMapping]:
    """The files of the order, the newest first."""
    return (
        db.session.execute(sa.select(_file).where(of_order(_file, order_id)).order_by(_file.c.n.desc()))
        .mappings()
        .all()
    )


def file_of(order_id: int, n: int) -> sa.RowMapping:
    """One file.

    Raises:
        NotFoundError: the order has none of that number.
    """
    found = (
        db.session.execute(sa.select(_file).where(of_order(_file, order_id), _file.c.n == n))
        .mappings()
        .one_or_none()
    )
    if found is None:
        raise NotFoundError("This file is not on the order any more.")
    return found


def kind_of(data: bytes) -> str:
    """The media type, from what the file holds and not from what it is called.

    Raises:
        DomainError: it is of no kind that is kept.
    """
    for beginning, media_type in BEGINNINGS:
        if data.startswith(beginning) and (media_type != "image/webp" or data[8:12] == b"WEBP"):
            return media_type
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DomainError("Keep a PDF, a picture (PNG, JPEG, WebP) or a plain text.", field="file")
    return TEXT
