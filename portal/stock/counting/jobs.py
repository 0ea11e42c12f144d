"""The job that applies a count; it may be stopped anywhere and goes on there."""

from __future__ import annotations

import time
from typing import Final

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db, retrying
from portal.core.jobs import JobCancelledError, JobRun, job
from portal.stock.counting.applying import Applied, add_uncounted, apply_lines, waiting_lines
from portal.stock.counting.services import SUBJECT, sums_of
from portal.stock.models import StockCount
from portal.stock.papers import names_of, tell

BATCH: Final = 200
LARGEST_BATCH: Final = 1_000
SECONDS: Final = 1.0


@job("stock.apply_count", title="Apply a count", permission="stock.view")
def apply_count(run: JobRun) -> None:
    """Every line and what it moved are one transaction, so a second run finds only what is left."""
    count = _load(int(run.args["count_id"]))
    if count.state != "applying":
        return
    try:
        if count.zero_uncounted:
            while add_uncounted(count, LARGEST_BATCH):
                run.commit(note="Listing what was not counted")
                count = _load(count.id)
        _apply(run, count.id)
    except JobCancelledError:
        db.session.rollback()
        _end(run, count.id, "review")
        raise
    _end(run, count.id, None)


def _apply(run: JobRun, count_id: int) -> None:
    size, after = BATCH, 0
    # An order that is changed at the same moment may hold what a batch needs, and wait for what it holds.
    batch = retrying(_batch)
    while True:
        began = time.monotonic()
        lines = batch(run, count_id, after, size)
        if not lines:
            return
        after = lines[-1]
        # Batches as large as a second allows: a long transaction keeps everybody's events waiting.
        pace = len(lines) / max(time.monotonic() - began, 0.001)
        size = max(20, min(LARGEST_BATCH, int(pace * SECONDS)))


def _batch(run: JobRun, count_id: int, after: int, size: int) -> list[int]:
    count = _load(count_id)
    lines = waiting_lines(count, after, size)
    keys = [line.variant_id for line in lines]
    if keys:
        _say(run, apply_lines(count, lines, by=run.by))
        run.commit(done=run.done + len(keys))
    return keys


def _say(run: JobRun, done: list[Applied]) -> None:
    told = [one for one in done if one.problem or one.short]
    names = names_of(one.variant_id for one in told)
    for one in done:
        if one.problem:
            run.item(names[one.variant_id].sku, False, one.problem)
        elif one.short:
            run.item(names[one.variant_id].sku, True, f"{one.short:,} promised units were taken back.")


def _end(run: JobRun, count_id: int, state: str | None) -> None:
    count = _load(count_id)
    count.summary = sums_of(count)
    left = len(waiting_lines(count, 0, 1))
    count.state = state or ("review" if left else "applied")
    if count.state == "applied":
        count.applied_at = utc_now()
        tell("count.applied", (SUBJECT, count.id), by=run.by, after=count.summary)
    db.session.flush()
    if state is not None:
        db.session.commit()


def _load(count_id: int) -> StockCount:
    return db.session.scalars(
        sa.select(StockCount)
        .where(StockCount.merchant_id == current_merchant_id(), StockCount.id == count_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
