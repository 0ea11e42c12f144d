"""Verify a merchant's whole stock, range by range of variants, in bounded memory; keep the run and what it found."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.config import settings
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db, snapshot
from portal.core.jobs import Job, JobCancelledError, JobRun, enqueue
from portal.stock.models import StockFinding, StockVerification
from portal.stock.replaying import Replayed, replay

JOB: Final = "stock.verify"
UNIQUE: Final = "verify"
FIRST_RANGE: Final = 1_000
MOST_VARIANTS: Final = 200_000
# A range touches most pages of the ledger however small it is, because the ledger lies in the order of time.
MOVEMENTS_AT_ONCE: Final = 1_000_000
# A job that says nothing for half a minute is taken for dead.
LONGEST_SECONDS: Final = 10.0
MOST_FINDINGS: Final = 1_000
RUNS_SHOWN: Final = 50
RUNS_KEPT: Final = dt.timedelta(days=30)
FORGOTTEN_AT_ONCE: Final = 100
LAST_ID: Final = 2**63 - 1

_variant: Final = Variant.__table__.c


def verified_every() -> dt.timedelta | None:
    """How often the stock of every merchant is verified by itself; None when the operator leaves that to people."""
    minutes = settings().verify_stock_minutes
    return dt.timedelta(minutes=minutes) if minutes else None


def request_verification(*, by: Actor) -> Job:
    """Ask for a verification; while one waits or runs, it is that one."""
    return enqueue(JOB, by=by, unique_key=UNIQUE)


def last_verification() -> StockVerification | None:
    """The newest run that reached its end; None before the first."""
    return db.session.scalars(
        sa.select(StockVerification)
        .where(StockVerification.state == "done")
        .order_by(StockVerification.id.desc())
        .limit(1)
    ).one_or_none()


def verifications() -> Sequence[StockVerification]:
    """The newest runs."""
    return db.session.scalars(
        sa.select(StockVerification).order_by(StockVerification.id.desc()).limit(RUNS_SHOWN)
    ).all()


def forget_runs() -> int:
    """Delete runs that ended a month ago and led to nothing, some at a time; gives how many. The caller commits."""
    finding = StockFinding.__table__.c
    speaks = (
        sa.select(finding.id)
        .where(
            finding.merchant_id == StockVerification.merchant_id,
            finding.verification_id == StockVerification.id,
            finding.state != "gone",
        )
        .exists()
    )
    old = (
        sa.select(StockVerification.id)
        .where(StockVerification.finished_at < utc_now() - RUNS_KEPT, ~speaks)
        .order_by(StockVerification.id)
        .limit(FORGOTTEN_AT_ONCE)
    )
    newest = sa.select(sa.func.max(StockVerification.id)).where(StockVerification.state == "done")
    gone = db.session.scalars(
        sa.delete(StockVerification)
        .where(StockVerification.id.in_(old), StockVerification.id < newest.scalar_subquery())
        .returning(StockVerification.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def verify(run: JobRun) -> None:
    """Do the work of one run; goes on where an interrupted attempt stopped."""
    verification = _begun(run)
    state = run.state or {"after": 0, "range": FIRST_RANGE, "variants": 0}
    total = db.session.scalar(sa.select(sa.func.count(Variant.id))) or 0
    try:
        while state["after"] < LAST_ID:
            last = _end_of_range(state["after"], state["range"])
            began = time.monotonic()
            with snapshot() as connection:
                traced = max(0, MOST_FINDINGS - verification.findings)
                found = replay(connection, state["after"] + 1, last, traced=traced)
            _keep(verification, found)
            state = {
                "after": last,
                "range": _next_range(state["range"], found.movements, time.monotonic() - began),
                "variants": min(total, state["variants"] + state["range"]) if last < LAST_ID else total,
            }
            run.checkpoint(state)
            run.progress(state["variants"], total, f"{verification.movements:,} movements read")
            run.commit(done=state["variants"])
    except JobCancelledError:
        _end(verification, "stopped")
        db.session.commit()
        raise
    _end(verification, "done")
    _let_go_of_older(verification)
    run.commit(note=summary_of(verification))


def summary_of(verification: StockVerification) -> str:
    """One sentence on what was read and found."""
    found = verification.findings
    words = "Everything agrees" if not found else f"{found:,} {'difference' if found == 1 else 'differences'}"
    return f"{words}: {verification.movements:,} movements against {verification.levels:,} levels."


def _begun(run: JobRun) -> StockVerification:
    found = db.session.scalars(
        sa.select(StockVerification).where(StockVerification.job_id == run.id)
    ).one_or_none()
    if found is None:
        found = StockVerification(
            job_id=run.id, actor_kind=run.by.kind, actor_id=run.by.id, started_at=utc_now()
        )
        db.session.add(found)
        run.commit()
    elif found.state != "running":
        found.state, found.finished_at = "running", None
    return found


def _end_of_range(after: int, variants: int) -> int:
    """The id that ends a range of so many variants; the last range has no end, whatever movements are left."""
    ids = (
        sa.select(_variant.id)
        .where(_variant.merchant_id == current_merchant_id(), _variant.id > after)
        .order_by(_variant.id)
        .limit(variants + 1)
        .subquery()
    )
    found = db.session.execute(sa.select(sa.func.count(), sa.func.max(ids.c.id))).one()
    return int(found[1]) - 1 if found[0] > variants else LAST_ID


def _next_range(variants: int, movements: int, seconds: float) -> int:
    """As many variants as should give the wanted number of movements, never more than four times as many at once."""
    wanted = variants * MOVEMENTS_AT_ONCE // max(1, movements)
    if seconds > LONGEST_SECONDS:
        wanted = min(wanted, variants // 2)
    return max(1, min(wanted, variants * 4, MOST_VARIANTS))


def _keep(verification: StockVerification, found: Replayed) -> None:
    room = max(0, MOST_FINDINGS - verification.findings)
    rows: list[dict[str, Any]] = [
        asdict(each) | {"verification_id": verification.id, "merchant_id": current_merchant_id()}
        for each in found.differences[:room]
    ]
    if rows:
        db.session.execute(sa.insert(StockFinding), rows)
    verification.movements += found.movements
    verification.levels += found.levels
    verification.promises += found.promises
    verification.findings += len(found.differences)
    db.session.flush()


def _end(verification: StockVerification, state: str) -> None:
    verification.state, verification.finished_at = state, utc_now()
    db.session.flush()


def _let_go_of_older(verification: StockVerification) -> None:
    """What is still wrong was found again; what earlier runs say is out of date."""
    db.session.execute(
        sa.update(StockFinding)
        .where(StockFinding.state == "open", StockFinding.verification_id < verification.id)
        .values(state="gone", settled_at=sa.func.now())
        .execution_options(synchronize_session=False)
    )
