"""The portal as tests run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from portal.app import create_app
from portal.core.database import db
from tests.support.client import HouseClient
from tests.support.databases import MadeDatabase, settings_for


@contextmanager
def running_app(database: MadeDatabase, redis_url: str, folder: Path) -> Iterator[Flask]:
    """An application on *database*. Its forms take no CSRF token; tests/whole_app tries those."""
    app = create_app(settings_for(database, redis_url, folder))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = HouseClient
    yield app
    with app.app_context():
        db.engine.dispose()
