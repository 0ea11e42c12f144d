"""Keys of people. What is append-only or copied is sealed under its person's key; destroying the key erases it all.

The context of every value is merchant, person and purpose: a value moved to another row, person or merchant does not
open. ``secret_box`` seals what belongs to no person: credentials.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from flask import current_app

from portal.config import settings
from portal.core import ciphers
from portal.core.ciphers import DecryptionError, MasterKey
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id
from portal.core.keyring.store import KeyDestroyedError, KeyringUnavailableError, KeyStore
from portal.core.secrets import last_four, secret_box

__all__ = [
    "DecryptionError",
    "KeyDestroyedError",
    "KeyringUnavailableError",
    "decrypt",
    "decrypt_retained",
    "destroy_due_retention_keys",
    "destroy_person_key",
    "encrypt",
    "encrypt_retained",
    "is_available",
    "last_four",
    "load_person_keys",
    "person_key",
    "secret_box",
]


def person_key(subject_id: int) -> bytes:
    """The key of a person of the merchant in scope, made on first use.

    Raises:
        KeyDestroyedError: the person was erased.
        KeyringUnavailableError: the key database does not answer.
    """
    return _store().person_key(current_merchant_id(), subject_id)


def encrypt(plaintext: bytes, aad: str, subject_id: int) -> bytes:
    """Seal *plaintext* under the person's key; *aad* is its purpose and place, as in ``"audit:42"``."""
    return ciphers.seal(person_key(subject_id), plaintext, _context(aad, subject_id))


def decrypt(sealed: bytes, aad: str, subject_id: int) -> bytes:
    """Open what ``encrypt`` sealed with the same *aad* for the same person.

    Raises:
        KeyDestroyedError: the person was erased.
        KeyringUnavailableError: the key database does not answer.
        DecryptionError: the value belongs elsewhere or was changed.
    """
    return ciphers.unseal(person_key(subject_id), sealed, _context(aad, subject_id))


def load_person_keys(subject_ids: Iterable[int]) -> None:
    """Fetch many keys in one query before decrypting a list."""
    _store().load_person_keys(current_merchant_id(), subject_ids)


def destroy_person_key(subject_id: int) -> bool:
    """Erase everything sealed for the person, for ever. Other processes follow within five seconds."""
    return _store().destroy_person_key(current_merchant_id(), subject_id)


def encrypt_retained(plaintext: bytes, aad: str, subject_id: int, *, basis: str, until: dt.date) -> bytes:
    """Seal what the law demands to keep, under a key that dies after *until* and outlives the person's own."""
    key = _store().retention_key(current_merchant_id(), subject_id, basis, until)
    return ciphers.seal(key, plaintext, _context(aad, subject_id))


def decrypt_retained(
    sealed: bytes, aad: str, subject_id: int, *, basis: str, until: dt.date, reason: str
) -> bytes:
    """Open a retained value. The caller has checked the role and records *reason* in the audit log.

    Raises:
        ValueError: no reason is given.
    """
    if not reason.strip():
        raise ValueError("A retained record is opened for a stated reason only.")
    key = _store().retention_key(current_merchant_id(), subject_id, basis, until)
    return ciphers.unseal(key, sealed, _context(aad, subject_id))


def destroy_due_retention_keys() -> int:
    """Destroy the retention keys whose last day has passed, of all merchants; returns how many."""
    return _store().destroy_retention_keys(utc_now().date())


def is_available() -> bool:
    """Whether the key database answers."""
    return _store().answers()


def _store() -> KeyStore:
    found = current_app.extensions.get("portal_keyring")
    if not isinstance(found, KeyStore):
        found = KeyStore(settings().keyring_database_url, MasterKey(settings().master_key))
        found = current_app.extensions.setdefault("portal_keyring", found)
    return found


def _context(aad: str, subject_id: int) -> str:
    return f"{current_merchant_id()}|{subject_id}|{aad}"
