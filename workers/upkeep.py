"""Work that comes round, as quiet jobs: thin, one merchant each, harmless to repeat."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.config import settings
from portal.core import keyring
from portal.core.audit import SYSTEM
from portal.core.audit.sealing import seal_entries
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope, platform_scope
from portal.core.idempotency import forget_old_keys
from portal.core.ids import floor_at
from portal.core.jobs import JobRun, enqueue, job, prune_jobs
from portal.core.mail import prune_messages
from portal.core.rate_limit import forget_old_windows
from portal.core.storage import delete_expired
from portal.core.tenancy import PLATFORM_MERCHANT
from portal.core.throttle import forget_old_tries
from portal.orders.picking.scans import forget_pick_scans
from portal.stock.draft_scans import forget_draft_scans
from portal.stock.promise_jobs import forget_reservations
from portal.stock.verifying import forget_runs


@job("audit.seal", title="Seal the audit log", permission="audit.view", queue="quick", quiet=True)
def seal_audit_log(run: JobRun) -> None:
    """Chain what was committed since the last run."""
    seal_entries()


@job("upkeep.tidy", title="Tidy up", permission="operations.view", quiet=True)
def tidy_merchant(run: JobRun) -> None:
    """Delete expired files, old jobs, messages, request keys, scans and verifications of one merchant, batch by batch."""
    for step in (
        delete_expired,
        prune_jobs,
        prune_messages,
        forget_reservations,
        forget_draft_scans,
        forget_pick_scans,
        forget_old_keys,
        forget_runs,
    ):
        while step():
            run.commit(done=run.done + 1)


@job("upkeep.platform", title="Platform upkeep", permission="operations.view", quiet=True)
def keep_platform(run: JobRun) -> None:
    """What belongs to no merchant: retention keys that are due, throttles nobody needs."""
    keyring.destroy_due_retention_keys()
    forget_old_tries(utc_now() - dt.timedelta(days=1))
    forget_old_windows(utc_now() - dt.timedelta(days=1))


def make_partitions() -> None:
    """This month and the three after it. Tables belong to the owner; the function does what upkeep may ask for."""
    url = settings().upkeep_database_url
    if url is None:
        # A single machine without an upkeep role: the app may call the function too.
        db.session.execute(sa.text("SELECT ensure_partitions_ahead()"))
        db.session.commit()
        return
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        connection.exec_driver_sql("SELECT ensure_partitions_ahead()")
    engine.dispose()


def enqueue_sealing() -> None:
    """A sealing job for each merchant with entries that are not sealed."""
    # Two days back, so that the last entries of a month are not left behind; the whole month, because it is a partition.
    begin = (utc_now() - dt.timedelta(days=2)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for merchant_id in _merchants("SELECT merchants_with_unsealed_entries(:since)", since=floor_at(begin)):
        _enqueue("audit.seal", merchant_id)


def enqueue_tidying() -> None:
    """A tidying job for each merchant, and the platform's own."""
    for merchant_id in [*db.session.scalars(sa.select(Merchant.id)).all(), PLATFORM_MERCHANT]:
        _enqueue("upkeep.tidy", merchant_id)
    with platform_scope():
        enqueue("upkeep.platform", by=SYSTEM, unique_key="upkeep")
        db.session.commit()


def _enqueue(kind: str, merchant_id: int) -> None:
    db.session.rollback()
    with merchant_scope(merchant_id):
        enqueue(kind, by=SYSTEM, unique_key="upkeep")
        db.session.commit()


def _merchants(function: str, **values: object) -> list[int]:
    found = [int(row) for row in db.session.scalars(sa.text(function), values)]
    db.session.rollback()
    return found
