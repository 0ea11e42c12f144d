"""The one place that reads the time."""

from __future__ import annotations

import datetime as dt

EPOCH = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)


def utc_now() -> dt.datetime:
    """The present instant, aware, in UTC."""
    return dt.datetime.now(dt.UTC)
