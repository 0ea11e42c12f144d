"""The import of a real order history, all 370,931 lines of it: sums, speed, memory, crashes, a second run, undo.

    make bench NAME=import-orders

Three merchants: one imports undisturbed, one has its worker killed three times, one receives the same rows by bare COPY.
"""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from bench.check_revenue import differences, from_csv, from_orders
from bench.import_checksums import checksums, growing
from bench.import_copy import copy_seconds, remove
from bench.retail import retail_bytes, retail_file
from portal.accounts.services import create_merchant
from portal.core.audit import Actor
from portal.core.database import db, merchant_scope
from portal.imports import services
from portal.imports.models import Import
from portal.stock.models import Location
from workers.bells import worker_app

ROWS: Final = 370_931
RAW_SUM: Final = Decimal("6781619.004")
LINE_SUM: Final = Decimal("6781619.00")
WORST_RATIO: Final = 6.0
MOST_MEMORY: Final = 300.0
BY: Final = Actor(kind="system", id=None, name="bench")


@dataclass(frozen=True, slots=True)
class Ended:
    """A job as it ended, and the process that did it."""

    seconds: float
    memory: float


class Bars:
    """What was promised, kept or not."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def __call__(self, holds: bool, words: str) -> None:
        print(f"{'ok   ' if holds else 'SHORT'} {words}", flush=True)
        if not holds:
            self.failed.append(words)


def main() -> int:
    """Measure, and say whether every promise was kept."""
    bars = Bars()
    owner = psycopg.connect(os.environ["OWNER_DATABASE_URL"])
    path = retail_file()
    content = retail_bytes(path)
    app = worker_app()
    with app.app_context():
        first, second, third = _merchant(), _merchant(), _merchant(is_empty=True)
        before = checksums(owner, first)

        found = _uploaded(first, content)
        check = _run(first, found, services.start_check)
        print(f"check: {check.seconds:.1f} s, {check.memory:.0f} MB")
        bars(checksums(owner, first) == before, "the check writes nothing")
        apply = _run(first, found, services.start_apply)
        whole = _import(first, found)
        reference = checksums(owner, first)
        for kind, (count, _) in reference.items():
            print(f"      {kind}: {count:,}")
        bars(
            whole.counts["rows"] == ROWS and whole.counts["imported"] + whole.counts["rejected"] == ROWS,
            f"{ROWS:,} rows: {whole.counts['imported']:,} imported, {whole.counts['rejected']:,} refused with a reason",
        )
        bars(whole.sum_rows == RAW_SUM, f"quantity × price of all rows {whole.sum_rows}")
        rejected_lines = whole.sum_rejected or Decimal(0)
        bars(
            (whole.sum_lines or 0) + rejected_lines == LINE_SUM,
            f"rounded by line {whole.sum_lines}, difference {LINE_SUM - RAW_SUM}",
        )
        bars(apply.memory <= MOST_MEMORY, f"worker {apply.memory:.0f} MB (at most {MOST_MEMORY:.0f})")
        _ledger_bars(owner, first, bars)
        told = differences(from_csv(path), from_orders(owner, first))
        owner.rollback()
        bars(
            not told,
            f"revenue per month, top 20 products and customers per country: {len(told)} differences from the CSV",
        )

        again = _uploaded(first, content)
        _run(first, again, services.start_check)
        _run(first, again, services.start_apply)
        bars(
            checksums(owner, first) == reference and _import(first, again).counts["imported"] == 0,
            "a second run changes nothing",
        )

        with tempfile.TemporaryDirectory() as folder:
            copied, rows = copy_seconds(owner, first, third, Path(folder))
        print(f"bare COPY of {rows:,} rows: {copied:.1f} s; import: {apply.seconds:.1f} s")
        remove(owner, third)

        disturbed = _uploaded(second, content)
        _run(second, disturbed, services.start_check)
        moments = _run_killed(owner, second, disturbed, apply.seconds)
        bars(
            checksums(owner, second) == reference,
            f"kill -9 after {', '.join(f'{moment:.1f}' for moment in moments)} s ends in the same rows",
        )

        grown = growing(owner, first)
        undo = _run(first, found, services.start_undo)
        print(f"undo: {undo.seconds:.1f} s, {undo.memory:.0f} MB")
        bars(checksums(owner, first) == before, "undo takes the business rows back")
        bars(
            all(after[0] >= grown[table][0] for table, after in growing(owner, first).items()),
            "ledger, audit and outbox only grow",
        )
        _ledger_bars(owner, first, bars)
    ratio = apply.seconds / copied
    bars(ratio <= WORST_RATIO, f"{ratio:.2f} × bare COPY")
    print(
        f"import-orders: {ratio:.2f} × bare COPY (floor {WORST_RATIO:.0f}) {'short' if bars.failed else 'ok'}"
    )
    return 1 if bars.failed else 0


def _merchant(*, is_empty: bool = False) -> int:
    made = create_merchant(
        name="Bench",
        slug=f"bench-{uuid.uuid4().hex[:10]}",
        country="GB",
        currency="GBP",
        time_zone="Europe/London",
        by=BY,
    )
    merchant_id = int(made.id)
    if is_empty:
        return merchant_id
    with merchant_scope(merchant_id):
        db.session.add(Location(name="Warehouse", code="BENCH"))
        db.session.commit()
    return merchant_id


def _uploaded(merchant_id: int, content: bytes) -> int:
    with merchant_scope(merchant_id):
        found = services.receive_file("online_retail.csv", io.BytesIO(content), by=BY)
        services.set_mapping(found, found.mapping, {}, by=BY)
        import_id = int(found.id)
        db.session.commit()
    return import_id


def _import(merchant_id: int, import_id: int) -> Import:
    with merchant_scope(merchant_id):
        found = db.session.get_one(Import, (merchant_id, import_id))
        db.session.expunge(found)
        db.session.rollback()
    return found


def _asked(merchant_id: int, import_id: int, step: Any) -> None:
    with merchant_scope(merchant_id):
        step(db.session.get_one(Import, (merchant_id, import_id)), by=BY)
        db.session.commit()


def _worker(merchant_id: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.import_worker", str(merchant_id)], start_new_session=True
    )


def _run(merchant_id: int, import_id: int, step: Any) -> Ended:
    """Ask for a step, let a worker of its own do it, and read the job's own clock."""
    _asked(merchant_id, import_id, step)
    process = _worker(merchant_id)
    memory = 0.0
    while process.poll() is None:
        memory = max(memory, _peak_memory(process.pid))
        time.sleep(0.05)
    with merchant_scope(merchant_id):
        found = db.session.get_one(Import, (merchant_id, import_id))
        seconds = float(db.session.scalar(_SECONDS, {"merchant": merchant_id, "job": found.job_id}) or 0)
        state, problem = found.state, found.problem
        db.session.rollback()
    if process.returncode or state not in {"checked", "applied", "undone"}:
        raise SystemExit(f"The import is {state} after {step.__name__}: {problem}")
    return Ended(seconds, memory)


def _run_killed(
    owner: psycopg.Connection[Any], merchant_id: int, import_id: int, usual: float
) -> list[float]:
    """Kill the worker three times at random moments, then let it end. A dead worker's lease is ended at once here."""
    _asked(merchant_id, import_id, services.start_apply)
    moments = []
    for _ in range(3):
        moment = random.uniform(2.0, max(3.0, usual * 0.8))
        process = _worker(merchant_id)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        moments.append(moment)
        owner.execute(
            "UPDATE job SET lease_until = now() - interval '1 second' WHERE merchant_id = %s AND state = 'running'",
            (merchant_id,),
        )
        owner.commit()
        _requeue(owner, merchant_id)
    for _ in range(5):
        _requeue(owner, merchant_id)  # the scheduler is not running here
        if _worker(merchant_id).wait() == 0 and _import(merchant_id, import_id).state == "applied":
            return moments
    raise SystemExit(f"The killed import did not end: {_import(merchant_id, import_id).state}")


def _requeue(owner: psycopg.Connection[Any], merchant_id: int) -> None:
    """What the sweeper does for a job whose lease ran out."""
    owner.execute(
        """UPDATE job SET state = 'queued', lease_until = NULL, run_after = now()
                     WHERE merchant_id = %s AND state = 'running' AND lease_until < now()""",
        (merchant_id,),
    )
    owner.commit()


def _ledger_bars(owner: psycopg.Connection[Any], merchant_id: int, bars: Bars) -> None:
    row = owner.execute(_LEDGER, {"m": merchant_id}).fetchone()
    owner.rollback()
    assert row is not None
    bars(row[0] == 0, f"{row[2]:,} movements leave every balance of today as it was")
    bars(row[1] >= 0, f"the lowest running balance is {row[1]}")


def _peak_memory(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


_SECONDS: Final = sa.text(
    "SELECT extract(epoch FROM finished_at - started_at) FROM job WHERE merchant_id = :merchant AND id = :job"
)
_LEDGER: Final = """
    SELECT count(*) FILTER (WHERE is_last AND balance <> 0), coalesce(min(balance), 0), count(*) FROM (
        SELECT sum(on_hand_delta) OVER (PARTITION BY variant_id, location_id ORDER BY id) AS balance,
               lead(id) OVER (PARTITION BY variant_id, location_id ORDER BY id) IS NULL AS is_last
        FROM stock_movement WHERE merchant_id = %(m)s) ledger
"""


if __name__ == "__main__":
    raise SystemExit(main())
