"""The log of business changes: written in the same transaction, by the service, for every change.

``record`` adds an entry, ``read_changes`` opens it again. Sealing and verifying live beside this file.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import sqlalchemy as sa
import structlog

from portal.core import keyring
from portal.core.audit.models import AuditEntry, AuditSeal
from portal.core.database import current_merchant_id, db

__all__ = [
    "INSERT",
    "SYSTEM",
    "Actor",
    "AuditEntry",
    "AuditSeal",
    "Changes",
    "Entry",
    "read_changes",
    "record",
    "record_many",
    "row_of",
]

# One text, parsed once, that a statement which does more may hold; ``row_of`` gives its arguments.
INSERT: Final = """
    INSERT INTO audit_entry (
        merchant_id, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, fields, changes, sealed_changes,
        data_subject_id, job_id, request_id)
    SELECT
        :merchant_id, :actor_kind, CAST(:actor_id AS bigint), :actor_name, :action, :subject_kind, :subject_id,
        CAST(:fields AS text[]), CAST(:changes AS jsonb), CAST(:sealed_changes AS bytea), CAST(:data_subject_id AS bigint),
        CAST(:job_id AS bigint), :request_id"""

_INSERT: Final = sa.text(INSERT)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user, a job, the system itself, or a channel."""

    kind: Literal["user", "job", "system", "channel"]
    id: int | None
    name: str


SYSTEM: Final = Actor("system", None, "The portal")


@dataclass(frozen=True, slots=True)
class Entry:
    """One act for ``record_many``; the same fields as ``record`` takes."""

    action: str
    subject: tuple[str, int | str]
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str | None = None
    data_subject_id: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What an entry says, as far as it can be read: ``open``, ``erased`` with the person, or ``closed`` for now."""

    state: Literal["open", "erased", "closed"]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reason: str | None = None


def record(
    action: str,
    *,
    by: Actor,
    subject: tuple[str, int | str],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    data_subject_id: int | None = None,
) -> None:
    """Write one entry in the caller's transaction.

    Args:
        action: noun and past verb, as in ``product.updated``.
        by: who did it.
        subject: kind and id of the thing.
        before: the values that change, as they were.
        after: the same values, as they are now.
        reason: what the person gave as reason.
        data_subject_id: the person the values concern; the values and the reason are then encrypted under their key.
            An entry concerns one person: split it when it concerns two.

    Raises:
        KeyringUnavailableError: the entry concerns a person and the key store does not answer; nothing is written.
    """
    record_many([Entry(action, subject, before, after, reason, data_subject_id)], by=by)


def record_many(entries: Iterable[Entry], *, by: Actor) -> None:
    """Write many entries in one statement, for jobs that change many things."""
    waiting = list(entries)
    keyring_subjects = {each.data_subject_id for each in waiting if each.data_subject_id is not None}
    if len(keyring_subjects) > 1:
        keyring.load_person_keys(keyring_subjects)
    rows = [row_of(each, by) for each in waiting]
    if rows:
        db.session.execute(_INSERT, rows)


def plain_row(entry: Entry, by: Actor) -> dict[str, Any]:
    """The row of an entry that concerns no person, as JSON can carry it, for a statement that writes it with others.

    Raises:
        ValueError: it concerns a person; its values are to be encrypted, which ``record`` does.
    """
    if entry.data_subject_id is not None:
        raise ValueError("An entry that concerns a person is written by record().")
    row = row_of(entry, by)
    plain = {
        name: row[name] for name in row if name not in ("merchant_id", "sealed_changes", "data_subject_id")
    }
    return plain | {"changes": json.loads(row["changes"])}


def read_changes(entry: AuditEntry) -> Changes:
    """Open an entry. One whose person was erased, or whose key store is away, says so instead of failing."""
    if entry.data_subject_id is None or entry.sealed_changes is None:
        return _changes(entry.changes or {})
    try:
        plain = keyring.decrypt(
            entry.sealed_changes,
            _context(entry.action, entry.subject_kind, entry.subject_id),
            entry.data_subject_id,
        )
    except keyring.KeyDestroyedError:
        return Changes("erased", {}, {})
    except keyring.KeyringUnavailableError:
        return Changes("closed", {}, {})
    return _changes(json.loads(plain))


def read_many(entries: Sequence[AuditEntry]) -> list[Changes]:
    """Open a page of entries with one trip to the key store."""
    subjects = {entry.data_subject_id for entry in entries if entry.data_subject_id is not None}
    try:
        keyring.load_person_keys(subjects)
    except keyring.KeyringUnavailableError:
        return [
            Changes("closed", {}, {}) if entry.data_subject_id is not None else read_changes(entry)
            for entry in entries
        ]
    return [read_changes(entry) for entry in entries]


def row_of(entry: Entry, by: Actor) -> dict[str, Any]:
    """The arguments of ``INSERT``.

    Raises:
        KeyringUnavailableError: the entry concerns a person and the key store does not answer.
    """
    kind, subject_id = entry.subject[0], str(entry.subject[1])
    before, after = dict(entry.before or {}), dict(entry.after or {})
    fields = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    plain = _json({"before": before, "after": after, "reason": entry.reason})
    sealed: bytes | None = None
    if entry.data_subject_id is not None:
        sealed = keyring.encrypt(
            plain.encode(), _context(entry.action, kind, subject_id), entry.data_subject_id
        )
    bound = structlog.contextvars.get_contextvars()
    return {
        "merchant_id": current_merchant_id(),
        "actor_kind": by.kind,
        "actor_id": by.id,
        "actor_name": by.name,
        "action": entry.action,
        "subject_kind": kind,
        "subject_id": subject_id,
        "fields": fields,
        "changes": plain if sealed is None else None,
        "sealed_changes": sealed,
        "data_subject_id": entry.data_subject_id,
        "job_id": bound.get("job"),
        "request_id": bound.get("request_id"),
    }


def _changes(values: Mapping[str, Any]) -> Changes:
    return Changes("open", values.get("before") or {}, values.get("after") or {}, values.get("reason"))


def _context(action: str, kind: str, subject_id: str) -> str:
    return f"audit|{action}|{kind}|{subject_id}"


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, default=_plain, ensure_ascii=False, sort_keys=True)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    return str(value)
