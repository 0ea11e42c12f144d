"""One attempt at a job, as its handler sees it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db, short_transaction
from portal.core.jobs.errors import JobCancelledError, JobStoppedError, LeaseLostError
from portal.core.jobs.models import Job, JobItem
from portal.core.storage.models import StoredFile

LEASE: Final = sa.text("now() + interval '30 seconds'")
MAX_FAILURES: Final = 5
PROGRESS_SECONDS: Final = 1.0
RATE_WINDOW_SECONDS: Final = 20.0
FAILED_ITEMS_KEPT: Final = 20_000
OK_ITEMS_KEPT: Final = 200
_KEY_LENGTH: Final = 200
_MESSAGE_LENGTH: Final = 500

# Set when this worker shuts down: a running job ends at its next step and goes back to the queue.
stop_requested: Final = threading.Event()


class JobRun:
    """What a handler works with. Everything it writes is fenced: an attempt that was taken over writes nothing.

    Commit with ``commit()`` at least every two seconds: a long transaction keeps everybody's events waiting. Effects,
    checkpoint, items and progress of a batch are committed together, so a job killed anywhere goes on exactly there.
    """

    def __init__(self, job: Job) -> None:
        self.id = job.id
        self.kind = job.kind
        self.args: dict[str, Any] = dict(job.args)
        self.state: dict[str, Any] = dict(job.checkpoint)
        self.by = Actor(job.actor_kind, job.actor_id, job.actor_name)  # type: ignore[arg-type]
        self.attempt = job.attempt
        self.retry_of = job.retry_of
        self.done, self.total, self.note = job.done, job.total, job.note
        self.failures = job.failures
        self._counts = {"ok": job.ok_items, "failed": job.failed_items}
        self._items: dict[str, tuple[str, str]] = {}
        self._result_file_id = job.result_file_id
        self._told_at = time.monotonic()
        self._pace: deque[tuple[float, int]] = deque([(time.monotonic(), job.done)])

    @property
    def is_last_try(self) -> bool:
        """Whether a failure now ends the job for good."""
        return self.failures + 1 >= MAX_FAILURES

    def progress(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Say how far the work is; also keeps the lease, so call it at least every ten seconds.

        Cheap to call for every row: it writes at most once a second, on a connection of its own.

        Raises:
            JobCancelledError, JobStoppedError, LeaseLostError: let them pass; they end the attempt in order.
        """
        self._set_progress(done, total, note)
        if stop_requested.is_set():
            raise JobStoppedError
        if time.monotonic() - self._told_at < PROGRESS_SECONDS:
            return
        with short_transaction() as session:
            cancelled = self._update(session.execute, lease_until=LEASE)
        self._told_at = time.monotonic()
        if cancelled:
            raise JobCancelledError

    def checkpoint(self, state: dict[str, Any]) -> None:
        """Where to go on after an interruption; ids and numbers only. Takes effect with the next ``commit()``."""
        self.state = state

    def item(self, key: str | int, ok: bool, message: str = "") -> None:
        """What became of one row; committed with its batch. Failed rows are kept up to a bound, good ones counted."""
        self._items[str(key)[:_KEY_LENGTH]] = ("ok" if ok else "failed", message[:_MESSAGE_LENGTH])

    def commit(self, *, done: int | None = None, note: str | None = None) -> None:
        """Commit the batch, if the job is still ours.

        Raises:
            LeaseLostError: it is not; the batch was rolled back.
            JobCancelledError, JobStoppedError: the batch stands and the attempt ends here.
        """
        self._set_progress(self.done if done is None else done, None, note)
        cancelled = self._write(lease_until=LEASE)
        self._told_at = time.monotonic()
        if cancelled:
            raise JobCancelledError
        if stop_requested.is_set():
            raise JobStoppedError

    def attach_result(self, storage_key: str, filename: str, media_type: str) -> None:
        """Offer a stored file for download on the job's page; takes effect with the next commit."""
        stored = db.session.scalars(sa.select(StoredFile).where(StoredFile.key == storage_key)).one()
        stored.filename, stored.media_type = filename, media_type
        db.session.flush()
        self._result_file_id = stored.id

    def failed_keys(self) -> Iterator[str] | None:
        """When this job does failed rows again: their keys, else None."""
        if self.retry_of is None:
            return None
        failed = sa.select(JobItem.key).where(JobItem.job_id == self.retry_of, JobItem.state == "failed")
        return iter(db.session.scalars(failed.order_by(JobItem.key)).all())

    def finish(self) -> None:
        """The handler is through: commit what is left together with the end. Called by the runner."""
        self._write(state="done", lease_until=None, finished_at=sa.func.now(), cancel_requested_at=None)

    def end(self, state: str, *, error: str | None = None, failed: bool = False, seconds: float = 0) -> None:
        """End the attempt after the rollback of what it had not committed. Called by the runner."""
        values: dict[str, Any] = {
            "state": state,
            "lease_until": None,
            "error": error,
            "failures": Job.failures + int(failed),
        }
        if state == "queued":
            again = sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
            values |= {"run_after": again, "rung_at": sa.func.now()}
        else:
            values["finished_at"] = sa.func.now()
        ours = self._ours().values(**values).returning(Job.id)
        if db.session.execute(ours).first() is None:
            db.session.rollback()
            raise LeaseLostError
        db.session.commit()

    def _write(self, **values: Any) -> bool:
        self._write_items()
        try:
            # The last statement of the transaction, so the row is locked for a moment only.
            cancelled = self._update(
                db.session.execute,
                checkpoint=self.state,
                result_file_id=self._result_file_id,
                ok_items=self._counts["ok"],
                failed_items=self._counts["failed"],
                **values,
            )
        except LeaseLostError:
            db.session.rollback()
            raise
        db.session.commit()
        return cancelled

    def _update(self, execute: Any, **values: Any) -> bool:
        """Write progress and *values* under the fence; returns whether cancelling was asked for."""
        own = {"done": self.done, "total": self.total, "rate": self._rate(), "note": self.note}
        fenced = (
            self._ours().values(progress_at=sa.func.now(), **own, **values).returning(Job.cancel_requested_at)
        )
        row = execute(fenced).first()
        if row is None:
            raise LeaseLostError
        return row[0] is not None

    def _ours(self) -> sa.Update:
        return (
            sa.update(Job)
            .where(Job.merchant_id == current_merchant_id(), Job.id == self.id)
            .where(Job.attempt == self.attempt, Job.state == "running")
            .execution_options(synchronize_session=False)
        )

    def _write_items(self) -> None:
        waiting, self._items = self._items, {}
        rows = []
        for key, (state, message) in waiting.items():
            kept = FAILED_ITEMS_KEPT if state == "failed" else OK_ITEMS_KEPT
            if self._counts[state] < kept:
                rows.append(
                    {
                        "merchant_id": current_merchant_id(),
                        "job_id": self.id,
                        "key": key,
                        "state": state,
                        "message": message,
                    }
                )
            self._counts[state] += 1
        if rows:
            write = insert(JobItem)
            db.session.execute(
                write.on_conflict_do_update(
                    index_elements=["merchant_id", "job_id", "key"],
                    set_={"state": write.excluded.state, "message": write.excluded.message},
                ),
                rows,
            )

    def _set_progress(self, done: int, total: int | None, note: str | None) -> None:
        self.done = done
        self.total = self.total if total is None else total
        self.note = self.note if note is None else note[:_MESSAGE_LENGTH]

    def _rate(self) -> float | None:
        """Rows a second over the last moments, so that it follows a change of pace."""
        now = time.monotonic()
        self._pace.append((now, self.done))
        while len(self._pace) > 2 and now - self._pace[0][0] > RATE_WINDOW_SECONDS:
            self._pace.popleft()
        since, done = self._pace[0]
        return (self.done - done) / (now - since) if now - since > 0.2 and self.done > done else None
