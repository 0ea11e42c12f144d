"""Private PostgreSQL and Redis for a test run that was given none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.servers import private


@contextmanager
def private_servers() -> Iterator[tuple[str, str]]:
    """Start both, give the administrator's address of one and the address of the other, stop both."""
    with private("test", durable=False) as servers:
        yield servers.database_url, servers.redis_url
