"""The buyer on an issued document, sealed for as long as the law makes invoices be kept, and no day longer.

The key is not the person's own: erasing the person leaves the document as the law wants it, and the key of this one
dies when the duty ends.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from portal.core import keyring
from portal.privacy.retention import rule_for

REASON: Final = "the order's own document, opened from its case"


@dataclass(frozen=True, slots=True)
class Sealed:
    """The buyer as ciphertext, the law that keeps it, and the last day of that duty."""

    data: bytes | None
    law: str | None
    ends_on: dt.date | None


def seal_party(
    party: Mapping[str, Any] | None,
    document_id: int,
    subject_id: int | None,
    *,
    country: str,
    issued_on: dt.date,
) -> Sealed:
    """Seal the buyer; nothing when the document names nobody.

    Args:
        country: the seller's, whose law says how long.

    Raises:
        KeyringUnavailableError: the key database does not answer.
    """
    if party is None or subject_id is None:
        return Sealed(None, None, None)
    rule = rule_for(country)
    ends_on = rule.ends_on(issued_on)
    data = keyring.encrypt_retained(
        json.dumps(party, ensure_ascii=False).encode(),
        _aad(document_id),
        subject_id,
        basis=rule.law,
        until=ends_on,
    )
    return Sealed(data, rule.law, ends_on)


def open_party(
    sealed: Sealed, document_id: int, subject_id: int | None, *, reason: str = REASON
) -> dict[str, Any] | None:
    """The buyer, or None when the document named nobody or the duty to keep them has ended.

    Raises:
        KeyringUnavailableError: the key database does not answer.
        DecryptionError: the value belongs to another document.
    """
    if sealed.data is None or sealed.law is None or sealed.ends_on is None or subject_id is None:
        return None
    try:
        plain = keyring.decrypt_retained(
            sealed.data, _aad(document_id), subject_id, basis=sealed.law, until=sealed.ends_on, reason=reason
        )
    except keyring.KeyDestroyedError:
        return None
    party: dict[str, Any] = json.loads(plain)
    return party


def _aad(document_id: int) -> str:
    return f"order_document:{document_id}"
