"""How the installation does, for who runs it: figures of all merchants together, and no merchant's data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.core import keyring
from portal.core.database import db, platform_scope
from portal.core.jobs.models import Job
from portal.core.scheduler.models import ScheduledTask
from portal.operations.health import OK, database_state, ledger_state, redis_state, schema_state

MERCHANTS_SHOWN: Final = 50
FAILED_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A part the portal stands on, and what it says."""

    name: str
    state: str
    note: str

    @property
    def is_well(self) -> bool:
        return self.state == OK


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs of all merchants that wait or run, and since when the first has waited."""

    queued: int
    running: int
    since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class MerchantPage:
    """Merchants by name, and where the next page begins."""

    merchants: Sequence[Merchant]
    next_after: str | None


# What the timetable's tasks are for, by their names; the workers say when.
TASK_WORDS: Final = {
    "accounts.tidy": "Forget old sessions and links",
    "audit.seal": "Seal the audit logs",
    "channels.compare": "Compare the shops with what they were told",
    "channels.sync": "Bring orders in and stock out to the shops",
    "jobs.sweep": "Ring again for jobs nobody took",
    "orders.waits": "End holds and collections that are due",
    "outbox.ring": "Ring for events of late nobody read",
    "outbox.ring_all": "Ring for events of any age nobody read",
    "partitions": "Make the months ahead",
    "payments.tend": "Tend to payments, links and payouts",
    "privacy.watch": "Watch the deadlines of privacy requests",
    "stock.cool": "Join what hot variants had spread out",
    "stock.expire": "Give expired reservations back",
    "stock.verify": "Verify the stock",
    "tidy": "Delete what is past its time",
}


def parts() -> list[Part]:
    """What the portal stands on; each is asked now."""
    return [
        Part("Database", database_state(), "Without it nothing is answered."),
        Part("Redis", redis_state(), "Without it work goes on, some seconds later."),
        Part("Schema", schema_state(), "At the newest revision."),
        Part("Key database", OK if keyring.is_available() else "does not answer", "Without it personal data cannot be read or saved."),
        Part("Erasure ledger", ledger_state(), "Every erasure in it is applied to this database."),
    ]  # fmt: skip


def waiting() -> Waiting:
    """Figures of the queue, all merchants together."""
    row = db.session.execute(sa.text("SELECT queued, running, waiting_since FROM jobs_waiting()")).one()
    return Waiting(row.queued, row.running, row.waiting_since)


def timetable() -> Sequence[ScheduledTask]:
    """What comes round, by name."""
    return db.session.scalars(sa.select(ScheduledTask).order_by(ScheduledTask.name)).all()


def failed_jobs() -> Sequence[Job]:
    """Jobs of the platform itself that failed, newest first."""
    db.session.rollback()
    with platform_scope():
        failed = sa.select(Job).where(Job.state == "failed").order_by(Job.id.desc()).limit(FAILED_SHOWN)
        found = db.session.scalars(failed).all()
        db.session.expunge_all()
        db.session.rollback()
    return found


def merchants(after: str = "") -> MerchantPage:
    """The merchants of this installation from *after* on; who they are, and nothing of what they hold."""
    query = sa.select(Merchant).order_by(Merchant.slug).limit(MERCHANTS_SHOWN + 1)
    found = db.session.scalars(query.where(Merchant.slug > after) if after else query).all()
    more = found[MERCHANTS_SHOWN - 1].slug if len(found) > MERCHANTS_SHOWN else None
    return MerchantPage(found[:MERCHANTS_SHOWN], more)
