"""Apply the ledger to a database that was restored from before an erasure."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app

from portal.accounts.models import Merchant
from portal.core import keyring
from portal.core.audit import Actor, record
from portal.core.database import db, merchant_scope
from portal.core.subjects import DataSubject
from portal.privacy import ledger
from portal.privacy.erasure import HeldError, erase_subjects

REPLAYED = "portal_ledger_replayed"
BATCH = 5_000


@dataclass(slots=True)
class Replay:
    """What a replay did; a second one does nothing."""

    entries: int = 0
    subjects: int = 0
    rows: int = 0


def replay_ledger() -> Replay:
    """Erase again everybody the ledger names and this database has not.

    Raises:
        LedgerError: the ledger is missing or was changed.
    """
    total = Replay()
    for merchant_id, country in _merchants():
        with merchant_scope(merchant_id):
            _replay_merchant(merchant_id, country, total)
    current_app.extensions.pop(REPLAYED, None)
    return total


def ledger_is_replayed() -> bool:
    """Whether this database has applied every entry; the portal is not ready before.

    A restore means a new process, so a yes is remembered for as long as this one lives.

    Raises:
        LedgerError: the ledger is missing, which is no yes.
    """
    if current_app.extensions.get(REPLAYED):
        return True
    known = {merchant_id for merchant_id, _ in _merchants()}
    # Whoever asks may sit at a merchant's desk; their transaction must not stay open under the next one's name.
    db.session.rollback()
    for merchant_id in ledger.merchants_in_ledger():
        if merchant_id not in known:
            continue
        with merchant_scope(merchant_id):
            if ledger.outstanding_names():
                return False
    current_app.extensions[REPLAYED] = True
    return True


def _replay_merchant(merchant_id: int, country: str, total: Replay) -> None:
    names = ledger.outstanding_names()
    entries = {entry.digest: entry for entry in map(ledger.read_entry, names)}
    if not entries:
        return
    found = {digest: subject for digest, subject in _digests(merchant_id) if digest in entries}
    for digest, entry in entries.items():
        rows = 0
        if digest in found:
            subject = found[digest]
            try:
                rows = erase_subjects(
                    merchant_id, [subject], country=country, request_id=None, commit=db.session.commit
                )["rows"]
            except HeldError:
                # The hold of an old backup is as old as the backup; a person has to decide.
                continue
            keyring.destroy_person_key(subject)
            by = Actor(kind="system", id=None, name="ledger replay")
            record(
                action="subject.erased_again", by=by, subject=("data_subject", subject), after={"rows": rows}
            )
            total.subjects += 1
        ledger.mark_applied(entry, rows_changed=rows)
        db.session.commit()
        total.entries += 1
        total.rows += rows


def _digests(merchant_id: int) -> list[tuple[str, int]]:
    """The digest of every subject of the merchant, read in bounded pieces."""
    digests: list[tuple[str, int]] = []
    after = -1
    while True:
        ids = list(
            db.session.scalars(
                sa.select(DataSubject.id).where(DataSubject.id > after).order_by(DataSubject.id).limit(BATCH)
            )
        )
        if not ids:
            return digests
        digests += [(ledger.subject_digest(merchant_id, each), each) for each in ids]
        after = ids[-1]


def _merchants() -> list[tuple[int, str]]:
    return [
        (found, country)
        for found, country in db.session.execute(
            sa.select(Merchant.id, Merchant.country).order_by(Merchant.id)
        )
    ]
