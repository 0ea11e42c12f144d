"""Run one approved erasure from the first lock to the certificate. Every step may be repeated.

The order matters: the tombstone first, so that nothing new is written about the person; identifiers are suppressed
while they can still be read; then the batches; the ledger before the key, because the ledger can be replayed and a
destroyed key cannot; the read-back last, under a lock that lets no row of the person in.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.core import keyring, outbox
from portal.core.audit import Actor, record
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError
from portal.core.keyring import KeyDestroyedError
from portal.core.subjects import DataSubject
from portal.privacy import ledger
from portal.privacy.certificate import issue
from portal.privacy.erasing import Eraser
from portal.privacy.evidence import add_evidence, contact_aad, merchant
from portal.privacy.map import personal_data_map
from portal.privacy.models import ErasureCertificate, PrivacyRequest, PrivacyRequestSubject
from portal.privacy.preview import remaining
from portal.privacy.queries import active_holds, certificate_of, recipients_of, scope_of
from portal.privacy.retained import keep_apart
from portal.privacy.subjects import identifiers_of
from portal.privacy.suppression import suppress
from portal.privacy.upkeep import renew_statistics

PASSES: Final = 3
ANSWER_DAYS: Final = 30
Commit = Callable[[], None]
Progress = Callable[[int, int, str], None]


class HeldError(ConflictError):
    """A legal hold stands on the person; the erasure goes on when it is lifted."""


def run_erasure(
    request_id: int, *, by: Actor, commit: Commit, progress: Progress
) -> ErasureCertificate | None:
    """Erase everybody in the scope of an approved request and issue the certificate.

    Args:
        request_id: the request.
        by: the job, for the evidence.
        commit: ends one bounded transaction and refuses when the job is no longer ours.
        progress: told rows done, rows in all and the table at work.

    Returns:
        The certificate, or None when a legal hold stopped the work.
    """
    request = _claim(request_id, by=by)
    commit()
    issued = certificate_of(request_id)
    if issued is not None:
        return issued
    subjects = scope_of(request_id)
    try:
        counts = _erase_all(request, subjects, commit=commit, progress=progress)
        return _finish(request_id, subjects, counts, by=by, commit=commit)
    except HeldError:
        db.session.rollback()
        _hold(request_id, by=by)
        commit()
        return None


def erase_subjects(
    merchant_id: int,
    subjects: Sequence[int],
    *,
    country: str,
    request_id: int | None,
    commit: Commit,
    progress: Progress = lambda done, total, table: None,
) -> dict[str, Any]:
    """Tombstone, suppress and empty; used by a request and by the replay of the ledger.

    Raises:
        HeldError: a legal hold stands on one of them.
    """
    _tombstone(subjects)
    now = utc_now()
    suppress(merchant_id, identifiers_of(merchant_id, subjects), erased_at=now)
    commit()
    total = sum(remaining(merchant_id, subjects).values())
    done, counts = 0, _Counts()
    for _ in range(PASSES):
        for batch in Eraser(merchant_id, subjects, country=country, request_id=request_id).batches():
            _lock(subjects, shared=True)
            _refuse_held(subjects)
            counts.add(batch.table, batch.rows, batch.values, batch.kept)
            done += batch.rows
            progress(done, max(total, done), batch.table)
            commit()
        if not remaining(merchant_id, subjects):
            break
        commit()
    return counts.as_facts()


def _erase_all(
    request: PrivacyRequest, subjects: Sequence[int], *, commit: Commit, progress: Progress
) -> dict[str, Any]:
    _lock(subjects)
    _refuse_held(subjects)
    _keep_answer_address(request)
    country = request.country_code or merchant().country
    return erase_subjects(
        request.merchant_id,
        subjects,
        country=country,
        request_id=request.id,
        commit=commit,
        progress=progress,
    )


def _finish(
    request_id: int, subjects: Sequence[int], counts: dict[str, Any], *, by: Actor, commit: Commit
) -> ErasureCertificate:
    request = _locked(request_id)
    _lock(subjects)
    _refuse_held(subjects)
    map_version = personal_data_map().version
    entries = [
        ledger.write_entry(request.merchant_id, subject, map_version=map_version) for subject in subjects
    ]
    for subject in subjects:
        keyring.destroy_person_key(subject)
    statistics_fresh = renew_statistics(counts)
    issued = certificate_of(request_id)
    if issued is not None:
        return issued
    # The lock waits for writers that hold a key share on the person, and none can begin after it.
    _tombstone(subjects)
    left = remaining(request.merchant_id, subjects)
    if left:
        raise RuntimeError(
            f"Rows were written about an erased person while it ran: {left}. The job runs again."
        )
    for entry in entries:
        ledger.mark_applied(entry, rows_changed=counts["rows"])
    db.session.execute(
        sa.update(PrivacyRequestSubject)
        .where(PrivacyRequestSubject.request_id == request_id, PrivacyRequestSubject.erased_at.is_(None))
        .values(erased_at=utc_now())
    )
    for subject in subjects:
        outbox.publish(kind="subject.erased", key=str(subject), payload={"subject_id": subject})
        record(
            action="subject.erased",
            by=by,
            subject=("data_subject", subject),
            after={"request_id": request_id},
        )
    total = _with_earlier_runs(request, counts)
    certificate = issue(request, map_version=map_version, counts=total, statistics_fresh=statistics_fresh)
    request.state = "third_parties"
    facts = {"rows": total["rows"], "values": total["values"], "recipients": len(recipients_of(request_id))}
    add_evidence(request, "erased", by=by, before="running", after="third_parties", facts=facts)
    commit()
    return certificate


def _claim(request_id: int, *, by: Actor) -> PrivacyRequest:
    """Take an approved request, or one that a lost worker left running.

    Raises:
        ConflictError: it is not approved.
    """
    changed = db.session.scalar(
        sa.update(PrivacyRequest)
        .where(
            PrivacyRequest.id == request_id,
            PrivacyRequest.kind == "erasure",
            PrivacyRequest.state == "approved",
            PrivacyRequest.approver_id.is_not(None),
        )
        .values(state="running")
        .returning(PrivacyRequest.id),
        execution_options={"synchronize_session": False},
    )
    request = _locked(request_id)
    if changed is not None:
        add_evidence(request, "started", by=by, before="approved", after="running")
    elif request.state not in {"running", "third_parties", "answered", "closed"}:
        raise ConflictError("This request is not approved, so nothing is erased.")
    return request


def _locked(request_id: int) -> PrivacyRequest:
    return db.session.scalars(
        sa.select(PrivacyRequest)
        .where(PrivacyRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _tombstone(subjects: Sequence[int]) -> None:
    """Mark the people as erased, under a lock that a row pointing at them must wait for."""
    _lock(subjects)
    db.session.execute(
        sa.update(DataSubject)
        .where(DataSubject.id.in_(subjects), DataSubject.erased_at.is_(None))
        .values(erased_at=utc_now())
    )


def _lock(subjects: Sequence[int], *, shared: bool = False) -> None:
    """Lock the people, in one order. Never shared first and whole later: two workers would wait for each other."""
    people = sa.select(DataSubject.id).where(DataSubject.id.in_(subjects)).order_by(DataSubject.id)
    db.session.execute(people.with_for_update(read=shared)).all()


def _refuse_held(subjects: Sequence[int]) -> None:
    """Stop where a legal hold stands; the caller holds the people locked, and whoever places a hold waits for that."""
    if active_holds(subjects):
        raise HeldError("A legal hold stands on this person. The erasure goes on when it is lifted.")


def _hold(request_id: int, *, by: Actor) -> None:
    request = _locked(request_id)
    request.state = "held"
    add_evidence(request, "held", by=by, before="running", after="held")


def _keep_answer_address(request: PrivacyRequest) -> None:
    """Keep the contact detail apart until the person was answered; it would die with their key."""
    if request.contact_sealed is None:
        return
    try:
        contact = keyring.decrypt(request.contact_sealed, contact_aad(request.id), request.subject_id)
    except KeyDestroyedError:
        return
    keep_apart(
        request,
        PrivacyRequest.__tablename__,
        {"id": request.id},
        {"contact": contact.decode()},
        until=request.due_on + dt.timedelta(days=ANSWER_DAYS),
    )


def _with_earlier_runs(request: PrivacyRequest, counts: dict[str, Any]) -> dict[str, Any]:
    """The counts of the whole erasure: what an interrupted run emptied is known from the preview that was approved."""
    approved = {entry["table"]: entry for entry in (request.preview or {}).get("tables", [])}
    tables = {table: dict(done) for table, done in counts["tables"].items()}
    for name, entry in approved.items():
        if not entry["erased"]:
            continue
        seen = tables.setdefault(name, {"rows": 0, "values": {}, "kept": {}})
        seen["values"] = {
            column: max(count, seen["values"].get(column, 0))
            for column, count in {**seen["values"], **entry["erased"]}.items()
        }
        seen["rows"] = max(seen["rows"], max(entry["erased"].values()))
    return {
        "tables": tables,
        "rows": sum(done["rows"] for done in tables.values()),
        "values": sum(sum(done["values"].values()) for done in tables.values()),
        "sealed_rows": (request.preview or {}).get("sealed_rows", 0),
    }


class _Counts:
    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.values: dict[str, Counter[str]] = {}
        self.kept: dict[str, Counter[str]] = {}

    def add(self, table: str, rows: int, values: Counter[str], kept: Counter[str]) -> None:
        self.rows[table] += rows
        self.values.setdefault(table, Counter()).update(values)
        self.kept.setdefault(table, Counter()).update(kept)

    def as_facts(self) -> dict[str, Any]:
        tables = {
            table: {"rows": rows, "values": dict(self.values[table]), "kept": dict(self.kept[table])}
            for table, rows in sorted(self.rows.items())
        }
        return {
            "tables": tables,
            "rows": sum(self.rows.values()),
            "values": sum(sum(each.values()) for each in self.values.values()),
        }
