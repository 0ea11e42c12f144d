"""Workers find what waits in the whole database, so what other tests left waiting is taken away first."""

from __future__ import annotations

import psycopg
import pytest
import redis

from tests.support.databases import MadeDatabase, at_database


@pytest.fixture(autouse=True, scope="module")
def nothing_waits(database: MadeDatabase, servers: tuple[str, str]) -> None:
    """An empty queue, an empty outbox."""
    with psycopg.connect(at_database(database.admin_url, database.name), autocommit=True) as connection:
        connection.execute("TRUNCATE job, job_item, outbox_event, outbox_cursor, message CASCADE")
    with redis.Redis.from_url(servers[1]) as bells:
        for key in bells.scan_iter(f"*{database.name}*"):
            bells.delete(key)
