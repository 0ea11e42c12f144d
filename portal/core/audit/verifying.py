"""Does the log still say what it said? Replays the chain against the entries and against the signed heads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import sqlalchemy as sa

from portal.core.audit.models import AuditEntry, AuditSeal
from portal.core.audit.sealing import FIRST, entry_hash, hashed_columns, link, signed_heads
from portal.core.commit_order import Position, clusters_of, committed_after
from portal.core.database import current_merchant_id, db

SHOWN: Final = 20

Kind = Literal["changed", "deleted", "inserted", "chain", "cut_off", "rewritten", "head"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where the log is not what was sealed."""

    kind: Kind
    text: str
    entry_id: int | None = None


@dataclass(slots=True)
class Report:
    """What a verification saw."""

    entries: int = 0
    unsealed: int = 0
    seals: int = 0
    heads: int = 0
    count: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return self.count == 0

    def add(self, problem: Problem) -> None:
        """Count a problem and keep the first ones."""
        self.count += 1
        if len(self.problems) < SHOWN:
            self.problems.append(problem)


def verify_log(tell: Callable[[int], None] = lambda checked: None) -> Report:
    """Check the merchant's whole log: entries against seals, seals against each other, the end against the heads.

    *tell* hears how many entries were checked, seal by seal.
    """
    report = Report()
    hashes = _check_chain(report, tell)
    _check_heads(report, hashes)
    for cluster in clusters_of(db.session(), AuditEntry):
        _check_inserted(report, cluster)
    return report


def _check_chain(report: Report, tell: Callable[[int], None]) -> dict[int, bytes]:
    """Seals in order, each with its entries; returns the hash of each seal as it should be."""
    previous, expected, hashes = FIRST, 1, {}
    for seal in _seals():
        if seal.number != expected:
            report.add(Problem("chain", f"Seals {expected} to {seal.number - 1} are missing."))
        wanted = link(previous, seal.number, seal.entry_ids, bytes(seal.entry_hashes))
        if wanted != bytes(seal.hash):
            report.add(Problem("chain", f"Seal {seal.number} does not follow from the seal before it."))
        _check_entries(report, seal)
        hashes[seal.number] = bytes(seal.hash)
        previous, expected = bytes(seal.hash), seal.number + 1
        report.seals += 1
        tell(report.entries)
    return hashes


def _check_entries(report: Report, seal: AuditSeal) -> None:
    table = AuditEntry.__table__
    rows = db.session.execute(
        sa.select(table.c.id, *hashed_columns()).where(
            table.c.merchant_id == current_merchant_id(), table.c.id.in_(seal.entry_ids)
        )
    )
    found = {row[0]: entry_hash(row) for row in rows}
    for place, entry_id in enumerate(seal.entry_ids):
        report.entries += 1
        sealed = bytes(seal.entry_hashes)[32 * place : 32 * place + 32]
        if entry_id not in found:
            report.add(Problem("deleted", f"Entry {entry_id} is gone.", entry_id))
        elif found[entry_id] != sealed:
            report.add(Problem("changed", f"Entry {entry_id} was changed after it was sealed.", entry_id))


def _check_heads(report: Report, hashes: dict[int, bytes]) -> None:
    heads, bad = signed_heads()
    report.heads = len(heads)
    for key in bad:
        report.add(Problem("head", f"The kept head {key} is not signed by this portal."))
    last = max(hashes, default=0)
    for head in heads:
        if head.number > last:
            text = f"The log was cut off: seal {head.number} was signed, the last one here is {last}."
            report.add(Problem("cut_off", text))
        elif hashes.get(head.number) != head.hash:
            report.add(Problem("rewritten", f"Seal {head.number} is not the one that was signed."))
    if hashes and not heads:
        report.add(
            Problem("head", "There are seals, but no signed head is kept. Were the kept heads deleted?")
        )


def _check_inserted(report: Report, cluster: int) -> None:
    """Walk the entries in commit order next to the sealed ids; one that stands before the end and is unsealed was put in."""
    sealed: set[int] = set()
    last: AuditSeal | None = None
    for seal in _seals(cluster):
        sealed.update(seal.entry_ids)
        last = seal
    end = (last.last_xid, last.entry_ids[-1]) if last else (0, 0)
    position = Position(cluster)
    while entries := db.session.execute(
        committed_after(AuditEntry, position, 5_000).with_only_columns(AuditEntry.xid, AuditEntry.id)
    ).all():
        for xid, entry_id in entries:
            if (xid, entry_id) > end:
                report.unsealed += 1
            elif entry_id not in sealed:
                report.add(
                    Problem("inserted", f"Entry {entry_id} was put in after its time was sealed.", entry_id)
                )
        position = Position(cluster, entries[-1][0], entries[-1][1])


def _seals(cluster: int | None = None) -> Iterator[AuditSeal]:
    after = 0
    while True:
        query = sa.select(AuditSeal).where(AuditSeal.number > after).order_by(AuditSeal.number).limit(50)
        if cluster is not None:
            query = query.where(AuditSeal.cluster == cluster)
        seals = db.session.scalars(query).all()
        if not seals:
            return
        yield from seals
        after = seals[-1].number
        for seal in seals:
            db.session.expunge(seal)
