"""Waiting for what comes soon: readers in commit order stay below every running transaction of the server, and other
test processes run some on the same server."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask

from portal.core.database import db

SECONDS = 60.0


def until(condition: Callable[[], bool]) -> None:
    """Ask again until *condition* holds, or fail."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "It did not come true in time."
        time.sleep(0.02)


def settle() -> None:
    """Wait until every transaction that runs now has ended, so that what was committed before can be read."""
    db.session.rollback()
    wanted = int(db.session.execute(sa.text("SELECT pg_current_xact_id()::text")).scalar_one())
    db.session.rollback()

    def is_over() -> bool:
        oldest = int(
            db.session.execute(sa.text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")).scalar_one()
        )
        db.session.rollback()
        return oldest > wanted

    until(is_over)


def row_waiters(app: Flask) -> int:
    """Connections to this database that wait for a row somebody else holds."""
    with app.app_context(), db.engine.connect() as connection:
        return int(
            connection.execute(
                sa.text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            ).scalar_one()
        )
