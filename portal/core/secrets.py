"""Credentials: sealed before they reach a row, shown as their last four characters, never logged.

They belong to no person, so they are sealed under the master key, each purpose with a key of its own.
"""

from __future__ import annotations

from typing import Final

from portal.config import settings
from portal.core.ciphers import MasterKey
from portal.core.database import current_merchant_id

__all__ = ["SecretBox", "last_four", "secret_box"]

SHORTEST_SHOWN: Final = 12


class SecretBox:
    """Seals credentials of the merchant in scope."""

    def seal(self, secret: str, purpose: str) -> bytes:
        """Encrypt *secret*; it opens only for the same merchant and *purpose*, as in ``"mail account"``."""
        return _master().seal("secrets", secret.encode(), _context(purpose))

    def open(self, sealed: bytes, purpose: str) -> str:
        """Decrypt what ``seal`` made.

        Raises:
            DecryptionError: another merchant, purpose or master key, or a changed value.
        """
        return _master().unseal("secrets", sealed, _context(purpose)).decode()

    # The names of the keyring, for those who seal bytes.
    def encrypt(self, plaintext: bytes, aad: str) -> bytes:
        """``seal`` for bytes."""
        return _master().seal("secrets", plaintext, _context(aad))

    def decrypt(self, sealed: bytes, aad: str) -> bytes:
        """``open`` for bytes."""
        return _master().unseal("secrets", sealed, _context(aad))


secret_box: Final = SecretBox()


def last_four(secret: str) -> str:
    """What a person may see of a credential: its last four characters, and of a short one nothing."""
    return secret[-4:] if len(secret) >= SHORTEST_SHOWN else ""


def _master() -> MasterKey:
    return MasterKey(settings().master_key)


def _context(purpose: str) -> str:
    return f"{current_merchant_id()}|{purpose}"
