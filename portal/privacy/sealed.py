"""Open sealed columns of any table: each domain says once what binds its ciphertext to its row."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapper

from portal.core import keyring
from portal.core.audit import AuditEntry, read_changes
from portal.core.database import Base, db
from portal.core.errors import DomainError
from portal.core.keyring import DecryptionError
from portal.core.mail import Message, read_letter
from portal.privacy.erasing import record_aad
from portal.privacy.map import MappedTable
from portal.privacy.models import PrivacyRequest

Opener = Callable[[sa.RowMapping], bytes]

_openers: dict[tuple[str, str], Opener] = {}


def register_sealed(table: str, column: str, opener: Opener) -> None:
    """Say how to open a sealed column, given its row; the access copy asks, and nobody else."""
    _openers[table, column] = opener


def sealed_columns_without_opener() -> list[str]:
    """Sealed columns nobody said how to open: their values would be missing from an access copy."""
    missing = []
    for mapper in Base.registry.mappers:
        missing += _missing(mapper)
    return sorted(missing)


def open_sealed(table: MappedTable, column: str, row: sa.RowMapping) -> Any:
    """The value in clear, as text or JSON; None when it cannot be opened."""
    opener = _openers.get((table.name, column))
    if opener is None:
        return None
    try:
        return _decoded(opener(row))
    except (DecryptionError, DomainError):
        return None


def register_own() -> None:
    """How the sealed columns of this domain open."""
    register_sealed(
        "privacy_request",
        "contact_sealed",
        lambda row: keyring.decrypt(
            row["contact_sealed"], f"privacy_request:{row['id']}:contact", row["subject_id"]
        ),
    )
    register_sealed(
        "privacy_request",
        "note_sealed",
        lambda row: keyring.decrypt(
            row["note_sealed"], f"privacy_request:{row['id']}:note", row["subject_id"]
        ),
    )
    register_sealed("privacy_request_event", "note_sealed", _event_note)
    register_sealed("audit_entry", "sealed_changes", _audit_changes)
    register_sealed("message", "payload", _letter)
    register_sealed(
        "privacy_retained_record",
        "sealed",
        lambda row: keyring.decrypt_retained(
            row["sealed"],
            record_aad(row["source_table"], row["source_key"]),
            row["subject_id"],
            basis=row["law"],
            until=row["ends_on"],
            reason="access request of the person",
        ),
    )


def _event_note(row: sa.RowMapping) -> bytes:
    subject_id = db.session.scalar(
        sa.select(PrivacyRequest.subject_id).where(PrivacyRequest.id == row["request_id"])
    )
    assert subject_id is not None
    return keyring.decrypt(row["note_sealed"], f"privacy_request_event:{row['id']}:note", subject_id)


def _audit_changes(row: sa.RowMapping) -> bytes:
    changes = read_changes(AuditEntry(**row))
    if changes.state != "open":
        raise DomainError("This entry cannot be opened.")
    return json.dumps(
        {"before": changes.before, "after": changes.after, "reason": changes.reason}, default=str
    ).encode()


def _letter(row: sa.RowMapping) -> bytes:
    letter = read_letter(Message(**row))
    if letter is None:
        raise DomainError("This message cannot be opened.")
    return json.dumps(letter.as_dict()).encode()


def _decoded(plain: bytes) -> Any:
    text = plain.decode("utf-8", errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _missing(mapper: Mapper[Any]) -> list[str]:
    table = cast("sa.Table", mapper.local_table)
    from_map = [
        (table.name, column.name)
        for column in table.columns
        if getattr(column.info.get("personal_data"), "strategy", None) == "shred"
    ]
    return [f"{place}.{column}" for place, column in from_map if (place, column) not in _openers]
