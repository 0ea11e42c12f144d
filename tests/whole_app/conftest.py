"""What the rules about the whole application share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from portal.app import create_app
from portal.core.database import db
from tests.support.client import HouseClient


@pytest.fixture
def planted(app: Flask) -> Iterator[Flask]:
    """A second application, to plant violations in."""
    other = create_app(app.config["SETTINGS"])
    other.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    other.test_client_class = HouseClient
    yield other
    with other.app_context():
        db.engine.dispose()
