"""Work for worker processes under test: ``python -m tests.support.worker_handlers`` is ``python -m workers`` with it.

The lease is short here, so that a test of a killed worker need not wait for half a minute.
"""

from __future__ import annotations

import time
from pathlib import Path

import sqlalchemy as sa

from portal.core import outbox
from portal.core.database import db
from portal.core.jobs import JobRun, job, run, running
from portal.core.subjects import DataSubject
from workers.__main__ import main

ROWS = 60
BATCH = 5

run.LEASE = running.LEASE = sa.text("now() + interval '4 seconds'")  # type: ignore[misc]


@job("test.slow", title="Slow work of a test")
def slow(work: JobRun) -> None:
    """Add one row per step, with a checkpoint every few steps; each step takes a while, or waits at half for a file."""
    for row in range(work.state.get("row", 0), ROWS):
        while row == ROWS // 2 and (gate := work.args.get("gate")) and not Path(gate).exists():
            work.progress(row)
            time.sleep(0.05)
        db.session.add(DataSubject())
        time.sleep(float(work.args.get("pause", 0.03)))
        if (row + 1) % BATCH == 0:
            work.checkpoint({"row": row + 1})
            work.commit(done=row + 1)


@outbox.consumer("test-worker", kinds=["thing.changed"])
def consume(events: list[outbox.Event]) -> None:
    """Each event adds a row."""
    db.session.add_all(DataSubject() for _ in events)


if __name__ == "__main__":
    raise SystemExit(main())
