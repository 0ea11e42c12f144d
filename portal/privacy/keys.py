"""Keys of this domain, derived from the master key, one for each purpose; none of them stands in a database."""

from __future__ import annotations

import functools

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.config import settings


def derived_key(purpose: str) -> bytes:
    """The 32 bytes for one purpose."""
    return _derived(settings().master_key, purpose)


def signing_key() -> Ed25519PrivateKey:
    """The key that signs erasure certificates; its public half stands on each of them."""
    return Ed25519PrivateKey.from_private_bytes(derived_key("erasure-certificate"))


@functools.lru_cache(maxsize=32)
def _derived(master_key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"portal/privacy/{purpose}".encode()).derive(master_key)
