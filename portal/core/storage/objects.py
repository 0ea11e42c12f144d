"""The object store itself, local folder or S3, by URL. Paths begin with the merchant; nothing here knows of rows."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

import obstore
from flask import current_app
from obstore.store import LocalStore, S3Store

from portal.config import settings
from portal.core.database import current_merchant_id

READ_BYTES: Final = 1024 * 1024
# One path part: no dots in front, no separators, nothing a file system or a log could misread.
KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}){0,7}")

Store: TypeAlias = LocalStore | S3Store


class BadKeyError(ValueError):
    """A storage key is not of the safe form; keys are made by the program, never typed."""


def open_store(url: str) -> Store:
    """The store *url* names: ``file:///folder`` or ``s3://bucket/prefix``, credentials from the environment."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalStore(prefix=Path(unquote(parts.path)), mkdir=True)
    # Amazon's own client options (region, endpoint, keys) come from the AWS_* variables.
    return S3Store(parts.netloc, prefix=parts.path.strip("/") or None)


def write(key: str, data: bytes | Iterable[bytes]) -> None:
    """Put an object in one step: it is there whole or not at all."""
    # An iterator is sent in parts; few at a time, so that a large file needs little memory.
    source = data if isinstance(data, bytes) else iter(data)
    obstore.put(_store(), path_of(key), source, max_concurrency=2)


def read(key: str) -> bytes:
    """A small object, whole.

    Raises:
        FileNotFoundError: there is none.
    """
    return bytes(obstore.get(_store(), path_of(key)).bytes())


def stream(key: str) -> Iterator[bytes]:
    """An object in pieces; opening it here and not at the first piece, so that absence shows at once.

    Raises:
        FileNotFoundError: there is none.
    """
    found = obstore.get(_store(), path_of(key))
    return (bytes(piece) for piece in found.stream(min_chunk_size=READ_BYTES))


def remove(key: str) -> None:
    """Delete an object; deleting what is not there is no error."""
    with contextlib.suppress(FileNotFoundError):
        obstore.delete(_store(), path_of(key))


def keys_under(prefix: str) -> list[str]:
    """The merchant's keys that begin with the folder *prefix*, sorted."""
    root = f"{current_merchant_id()}/"
    found = obstore.list(_store(), path_of(prefix))
    return sorted(item["path"].removeprefix(root) for batch in found for item in batch)


def path_of(key: str) -> str:
    """Where the merchant's *key* lies in the store.

    Raises:
        BadKeyError: the key could leave the merchant's folder.
    """
    if not KEY.fullmatch(key):
        raise BadKeyError("A storage key takes letters, digits, dots and dashes, in up to eight parts.")
    return f"{current_merchant_id()}/{key}"


def _store() -> Store:
    found = current_app.extensions.get("portal_storage")
    if found is None:
        found = current_app.extensions.setdefault("portal_storage", open_store(settings().storage_url))
    assert isinstance(found, (LocalStore, S3Store))
    return found
