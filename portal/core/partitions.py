"""Room for rows of the past. The timetable makes the month that has just ended, this one and those ahead."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import db


def ensure_partition(at: dt.datetime) -> bool:
    """Make the partition for rows of an instant if it may be missing; whether the database was asked.

    The caller commits before it writes anything else: for as long as the transaction lasts, tables are locked.

    Raises:
        DataError: *at* is before 1990.
    """
    this_month = utc_now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if at >= (this_month - dt.timedelta(days=1)).replace(day=1):
        return False
    db.session.execute(sa.text("SELECT ensure_partitions_for(:at)"), {"at": at})
    return True
