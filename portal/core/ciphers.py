"""Authenticated encryption: AES-256-GCM, a random nonce per message, the context bound to it.

A sealed value names its form in the first byte. One under the master key also carries the id of that key, so that a
changed key is told from a damaged value.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
KEY_ID_BYTES: Final = 4
UNDER_DATA_KEY: Final = b"\x01"
UNDER_MASTER_KEY: Final = b"\x02"


class DecryptionError(ValueError):
    """The value was not sealed with this key for this purpose, or it was changed."""


def new_key() -> bytes:
    """A random key."""
    return os.urandom(KEY_BYTES)


def seal(key: bytes, plaintext: bytes, context: str) -> bytes:
    """Encrypt *plaintext* under a data key; it opens only with the same *context*."""
    nonce = os.urandom(NONCE_BYTES)
    return UNDER_DATA_KEY + nonce + AESGCM(key).encrypt(nonce, plaintext, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """Decrypt what ``seal`` made.

    Raises:
        DecryptionError: wrong key, wrong context or a changed value.
    """
    if sealed[:1] != UNDER_DATA_KEY:
        raise DecryptionError("This is no value sealed under a data key.")
    return _decrypt(key, sealed[1:], context.encode())


class MasterKey:
    """The key that wraps keys and seals credentials. Each use has a key of its own derived from it."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("The master key must be 32 bytes.")
        self._key = key
        self.id = hashlib.sha256(b"portal master key\0" + key).digest()[:KEY_ID_BYTES]

    def derive(self, use: str) -> bytes:
        """The key for one use; knowing it tells nothing of the others."""
        return HKDF(
            algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=f"portal {use}".encode()
        ).derive(self._key)

    def seal(self, use: str, plaintext: bytes, context: str) -> bytes:
        """Encrypt under the key of *use*, bound to *context*."""
        nonce = os.urandom(NONCE_BYTES)
        aad = self.id + context.encode()
        return UNDER_MASTER_KEY + self.id + nonce + AESGCM(self.derive(use)).encrypt(nonce, plaintext, aad)

    def unseal(self, use: str, sealed: bytes, context: str) -> bytes:
        """Decrypt what ``seal`` made.

        Raises:
            DecryptionError: another master key, another context or a changed value.
        """
        head, body = sealed[: 1 + KEY_ID_BYTES], sealed[1 + KEY_ID_BYTES :]
        if head[:1] != UNDER_MASTER_KEY:
            raise DecryptionError("This is no value sealed under the master key.")
        if head[1:] != self.id:
            raise DecryptionError("This value was sealed under another master key.")
        return _decrypt(self.derive(use), body, self.id + context.encode())


def _decrypt(key: bytes, body: bytes, aad: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], aad)
    except (InvalidTag, ValueError) as error:
        raise DecryptionError(
            "This value does not open: wrong key, wrong purpose, or it was changed."
        ) from error
