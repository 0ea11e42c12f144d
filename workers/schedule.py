"""The timetable: everything that comes round, in one place."""

from __future__ import annotations

import datetime as dt
from typing import Final

import sqlalchemy as sa

from portal.accounts.tidying import tidy_accounts
from portal.channels.jobs import compare_due, sync_due
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.ids import floor_at
from portal.core.jobs import doorbell, events_bell, sweep
from portal.core.outbox import consumers
from portal.core.scheduler import Entry
from portal.orders.payments.jobs import tend_due
from portal.orders.waiting import waits_due
from portal.privacy.jobs import watch_due
from portal.stock.jobs import look_every, verify_due
from portal.stock.promise_jobs import cool_variants, expire_reservations
from workers.upkeep import enqueue_sealing, enqueue_tidying, make_partitions

LOOKED_BACK: Final = dt.timedelta(days=2)


def ring_for_unread_events() -> int:
    """Ring for merchants whose events of late were not read: a bell that was lost, a consumer that waits to retry."""
    recent = utc_now() - LOOKED_BACK
    return _ring(floor_at(recent.replace(day=1, hour=0, minute=0, second=0, microsecond=0)))


def ring_for_all_unread_events() -> int:
    """The same for events of any age: a new consumer, a restored database."""
    return _ring(0)


def _ring(since: int) -> int:
    names = list(consumers())
    found = db.session.scalars(
        sa.text("SELECT merchants_with_events(:consumers, :since)"), {"consumers": names, "since": since}
    ).all()
    db.session.rollback()
    bell = doorbell()
    waiting = bell.waiting()
    if waiting is None:
        return 0
    lost = [int(merchant_id) for merchant_id in found if events_bell(int(merchant_id)) not in waiting]
    return sum(bell.ring_for_events(merchant_id, anew=True) for merchant_id in lost)


TIMETABLE: Final = (
    Entry("jobs.sweep", dt.timedelta(seconds=5), sweep),
    Entry("outbox.ring", dt.timedelta(seconds=3), ring_for_unread_events),
    Entry("outbox.ring_all", dt.timedelta(minutes=10), ring_for_all_unread_events),
    Entry("audit.seal", dt.timedelta(seconds=30), enqueue_sealing),
    Entry("channels.sync", dt.timedelta(minutes=1), sync_due),
    Entry("channels.compare", dt.timedelta(days=1), compare_due),
    Entry("payments.tend", dt.timedelta(minutes=1), tend_due),
    Entry("stock.expire", dt.timedelta(seconds=10), expire_reservations),
    Entry("stock.cool", dt.timedelta(minutes=5), cool_variants),
    Entry("orders.waits", dt.timedelta(minutes=1), waits_due),
    Entry("partitions", dt.timedelta(hours=6), make_partitions),
    Entry("accounts.tidy", dt.timedelta(hours=1), tidy_accounts),
    Entry("tidy", dt.timedelta(minutes=15), enqueue_tidying),
    Entry("stock.verify", look_every, verify_due),
    Entry("privacy.watch", dt.timedelta(hours=1), watch_due),
)
