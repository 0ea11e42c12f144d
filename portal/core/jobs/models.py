"""The job as PostgreSQL knows it: the truth about what was asked for, who runs it and how far it is."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import Tenant, TimeKey, tenant_fk

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: Final = ("queued", "running", "done", "failed", "cancelled")
ACTIVE: Final = ("queued", "running")
QUEUES: Final = ("quick", "long")

_PROGRESS = not_pii("progress")


class Job(Tenant, TimeKey, Base):
    """One piece of work for a worker.

    ``attempt`` is the fencing token: it rises with every claim, and whoever holds an older one can write nothing.
    ``failures`` counts bad ends (an error, a lease that ran out); an orderly stop is none.
    """

    __tablename__ = "job"

    kind: Mapped[str] = mapped_column(info=not_pii("name of the work"))
    queue: Mapped[str] = mapped_column(
        default="long", server_default="long", info=not_pii("name of the queue")
    )
    args: Mapped[dict[str, Any]] = mapped_column(
        default=dict, server_default="{}", info=not_pii("ids and plain values")
    )
    unique_key: Mapped[str | None] = mapped_column(info=not_pii("made of ids"))
    state: Mapped[str] = mapped_column(default="queued", server_default="queued", info=not_pii("state"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("kind of actor"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    actor_name: Mapped[str] = mapped_column(
        info=pii(
            category="name",
            strategy="staff",
            basis="legitimate_interest",
            purpose="show who started a job",
            retention="90 days after the job ended",
        )
    )
    retry_of: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))

    attempt: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("fencing token"))
    failures: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))
    lease_until: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    run_after: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    rung_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    cancel_requested_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    done: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=_PROGRESS)
    total: Mapped[int | None] = mapped_column(sa.BigInteger, info=_PROGRESS)
    rate: Mapped[float | None] = mapped_column(sa.Double, info=_PROGRESS)
    note: Mapped[str | None] = mapped_column(info=not_pii("sentence of the program"))
    checkpoint: Mapped[dict[str, Any]] = mapped_column(
        default=dict, server_default="{}", info=not_pii("ids, offsets and counts")
    )
    ok_items: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=not_pii("count"))
    failed_items: Mapped[int] = mapped_column(
        sa.BigInteger, default=0, server_default="0", info=not_pii("count")
    )
    error: Mapped[str | None] = mapped_column(info=not_pii("sentence of the program"))
    result_file_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))

    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    started_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    progress_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    finished_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(STATES), name="state"),
        sa.CheckConstraint(sa.column("queue").in_(QUEUES), name="queue"),
        sa.CheckConstraint("done >= 0 AND attempt >= 0 AND failures >= 0", name="counts"),
        sa.CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="lease"),
        sa.Index(
            "job_unique_key",
            "merchant_id",
            "kind",
            "unique_key",
            unique=True,
            postgresql_where=sa.text("state IN ('queued', 'running') AND unique_key IS NOT NULL"),
        ),
        sa.Index(
            "job_finished_idx",
            "merchant_id",
            "finished_at",
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        ),
        # Read by due_jobs() across merchants, hence without the merchant in front.
        sa.Index("job_queued_idx", "run_after", postgresql_where=sa.text("state = 'queued'")),
        sa.Index("job_lease_idx", "lease_until", postgresql_where=sa.text("state = 'running'")),
    )

    @property
    def is_active(self) -> bool:
        """Whether the job waits or runs."""
        return self.state in ACTIVE

    @property
    def is_cancelling(self) -> bool:
        """Whether it was told to stop and has not yet."""
        return self.is_active and self.cancel_requested_at is not None

    @property
    def fraction(self) -> float | None:
        """Progress between 0 and 1, or None while the total is unknown."""
        if self.state == "done":
            return 1.0
        return min(1.0, self.done / self.total) if self.total else None

    @property
    def seconds_left(self) -> int | None:
        """The time left at the present rate, or None when it cannot be told."""
        if self.state != "running" or not self.rate or self.total is None or self.done > self.total:
            return None
        return round((self.total - self.done) / self.rate)


class JobItem(Tenant, Base):
    """What became of one row of a job, kept for the rows that failed and the first that went well."""

    __tablename__ = "job_item"

    job_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    key: Mapped[str] = mapped_column(
        sa.Text(collation="C"), primary_key=True, info=not_pii("id or row number")
    )
    state: Mapped[str] = mapped_column(info=not_pii("state"))
    message: Mapped[str] = mapped_column(
        default="", server_default="", info=not_pii("sentence of the program")
    )

    __table_args__ = (
        tenant_fk("job", "job_id", ondelete="CASCADE"),
        sa.CheckConstraint("state IN ('ok', 'failed')", name="state"),
        sa.Index(None, "merchant_id", "job_id", "state", "key"),
    )
