"""The portal as tests run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy.pool import QueuePool

from portal.app import create_app
from portal.core.database import db
from portal.core.keyring import store
from tests.support.client import HouseClient
from tests.support.databases import MadeDatabase, settings_for

# A machine that does other work meanwhile is slow, and what it asks its databases for is not refused for that.
PATIENCE_SECONDS = 60
store.CONNECT_SECONDS, store.STATEMENT_MILLISECONDS = PATIENCE_SECONDS, PATIENCE_SECONDS * 1_000  # type: ignore[misc]


@contextmanager
def running_app(database: MadeDatabase, redis_url: str, folder: Path) -> Iterator[Flask]:
    """An application on *database*. Its forms take no CSRF token; tests/whole_app tries those."""
    app = create_app(settings_for(database, redis_url, folder))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = HouseClient
    be_patient(app)
    yield app
    with app.app_context():
        db.engine.dispose()


def be_patient(app: Flask) -> None:
    """Let whoever asks for a connection wait for one; the key store is told for every application above."""
    with app.app_context():
        assert isinstance(db.engine.pool, QueuePool)
        db.engine.pool._timeout = PATIENCE_SECONDS
