"""Where a page begins: the sort value and the key of a row, sealed.

A cursor may hold a name or an amount, and it stands in an address; so it is encrypted, and bound to the merchant, the list
and the sort. One that was tampered with, or belongs elsewhere, opens to nothing and the list shows its first page.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

from portal.core.tenancy import current_merchant_id

NONCE = 12


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list.

    Args:
        value: of the sort expression; None in the part where rows have none.
        key: of the row.
        counted: the capped count, so that further pages need not count again.
    """

    value: Any
    key: int
    counted: int | None = None


def seal(cursor: Cursor, about: Sequence[str]) -> str:
    """The text for the URL; `about` names list and sort."""
    payload = json.dumps([_packed(cursor.value), cursor.key, cursor.counted], separators=(",", ":")).encode()
    nonce = os.urandom(NONCE)
    sealed = nonce + _cipher(current_app.config["SECRET_KEY"]).encrypt(nonce, payload, _binding(about))
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def unseal(text: str, about: Sequence[str]) -> Cursor | None:
    """The place in the list, or None when the text is none of ours."""
    try:
        sealed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        payload = _cipher(current_app.config["SECRET_KEY"]).decrypt(
            sealed[:NONCE], sealed[NONCE:], _binding(about)
        )
    except (InvalidTag, ValueError, binascii.Error):
        return None
    value, key, counted = json.loads(payload)
    return Cursor(_unpacked(value), key, counted)


@lru_cache(maxsize=4)
def _cipher(secret: str) -> AESGCM:
    return AESGCM(hashlib.blake2b(secret.encode(), digest_size=32, person=b"list cursor").digest())


def _binding(about: Sequence[str]) -> bytes:
    return "\x1f".join([str(current_merchant_id()), *about]).encode("utf-8", "replace")


def _packed(value: Any) -> Any:
    match value:
        case dt.datetime():
            return {"t": value.isoformat()}
        case dt.date():
            return {"d": value.isoformat()}
        case Decimal():
            return {"n": str(value)}
    return value


def _unpacked(value: Any) -> Any:
    match value:
        case {"t": text}:
            return dt.datetime.fromisoformat(text)
        case {"d": text}:
            return dt.date.fromisoformat(text)
        case {"n": text}:
            return Decimal(text)
    return value
