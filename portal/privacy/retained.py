"""Restricted records: opened with a reason by those who may approve erasures, destroyed on their day."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from portal.core import keyring
from portal.core.audit import Actor, record
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, NotFoundError
from portal.core.reveal import checked_reason, reveal
from portal.privacy.erasing import record_aad
from portal.privacy.models import PrivacyRequest, RetainedRecord
from portal.privacy.retention import ACCOUNTABILITY

BATCH = 500


def keep_apart(
    request: PrivacyRequest, table: str, key: dict[str, Any], values: dict[str, str], *, until: dt.date
) -> None:
    """Keep what the answer to a request needs in a restricted record: its person's key is dead or dies soon."""
    sealed = keyring.encrypt_retained(
        json.dumps(values).encode(),
        record_aad(table, key),
        request.subject_id,
        basis=ACCOUNTABILITY,
        until=until,
    )
    db.session.execute(
        insert(RetainedRecord)
        .values(
            merchant_id=request.merchant_id,
            subject_id=request.subject_id,
            request_id=request.id,
            source_table=table,
            source_key=key,
            columns=sorted(values),
            law=ACCOUNTABILITY,
            basis="answer the request",
            country_code=request.country_code,
            ends_on=until,
            sealed=sealed,
        )
        .on_conflict_do_nothing(constraint="privacy_retained_record_source_key")
    )


def open_record(record_id: int, *, reason: str, by: Actor) -> dict[str, Any]:
    """What a restricted record holds. The look and its reason are logged before anything is shown.

    Raises:
        ConflictError: it was destroyed on its day.
        DomainError: the reason says too little.
    """
    typed = checked_reason(reason)
    found = db.session.scalar(sa.select(RetainedRecord).where(RetainedRecord.id == record_id))
    if found is None:
        raise NotFoundError("There is no such record.")
    if found.sealed is None:
        raise ConflictError("This record was destroyed when its retention ended.")
    reveal(by, found.subject_id, reason=typed, fields=found.columns)
    record(
        action="retained_record.opened",
        by=by,
        subject=("retained_record", found.id),
        after={"law": found.law},
    )
    values = keyring.decrypt_retained(
        found.sealed,
        record_aad(found.source_table, found.source_key),
        found.subject_id,
        basis=found.law,
        until=found.ends_on,
        reason=typed,
    )
    opened: dict[str, Any] = json.loads(values)
    return opened


def destroy_due_records(*, by: Actor) -> int:
    """Destroy the records of the merchant whose last day has passed; answers how many."""
    today, destroyed = utc_now().date(), 0
    keyring.destroy_due_retention_keys()
    while True:
        due = (
            sa.select(RetainedRecord.id)
            .where(
                RetainedRecord.merchant_id == current_merchant_id(),
                RetainedRecord.destroyed_at.is_(None),
                RetainedRecord.ends_on < today,
            )
            .limit(BATCH)
        )
        ids = list(db.session.scalars(due))
        if not ids:
            break
        empty(ids)
        destroyed += len(ids)
    if destroyed:
        record(
            action="retained_records.destroyed",
            by=by,
            subject=("retained_record", "due"),
            after={"records": destroyed},
        )
    return destroyed


def empty(record_ids: list[int]) -> None:
    """Take the ciphertext away; that the record stood here stays."""
    db.session.execute(
        sa.update(RetainedRecord)
        .where(RetainedRecord.id.in_(record_ids))
        .values(sealed=None, destroyed_at=utc_now()),
        execution_options={"synchronize_session": False},
    )
