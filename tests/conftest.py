"""Fixtures of every test: real PostgreSQL and Redis, a fresh merchant each, real commits.

Tests do not roll back: what one test commits belongs to its own merchant and no other test sees it, so the code
under test commits as it does in production.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings

from deploy.local.servers import private
from portal.core.database import merchant_scope
from tests.support.apps import running_app
from tests.support.client import HouseClient
from tests.support.databases import MadeDatabase, environment_for, fresh_database
from tests.support.people import Person, make_merchant, make_person, sign_in

pytest_plugins = ("tests.support.browser",)

# An example may take as long as it takes: a machine that does other work meanwhile is slow.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[str, str]]:
    """The administrator's address of PostgreSQL and the address of Redis: given, or private ones."""
    if "TEST_DATABASE_URL" in os.environ and "TEST_REDIS_URL" in os.environ:
        yield os.environ["TEST_DATABASE_URL"], os.environ["TEST_REDIS_URL"]
        return
    with private("test", durable=False) as addresses:
        yield addresses.database_url, addresses.redis_url


@pytest.fixture(scope="session")
def database(servers: tuple[str, str]) -> Iterator[MadeDatabase]:
    """A migrated database of this process."""
    with fresh_database(servers[0]) as made:
        yield made


@pytest.fixture(scope="session")
def process_environment(
    database: MadeDatabase, servers: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Environment variables of a process that works on the same database (a worker, a server)."""
    return environment_for(database, servers[1], _folder(tmp_path_factory))


@pytest.fixture(scope="session")
def app(
    database: MadeDatabase, servers: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The portal, one per test process."""
    with running_app(database, servers[1], _folder(tmp_path_factory)) as app:
        yield app


@pytest.fixture
def merchant(app: Flask) -> int:
    """The id of a merchant nobody else uses."""
    return make_merchant(app)


@pytest.fixture
def scope(app: Flask, merchant: int) -> Iterator[int]:
    """An application context with the merchant in scope; gives the merchant's id."""
    with app.app_context(), merchant_scope(merchant):
        yield merchant


@pytest.fixture
def member(app: Flask, merchant: int) -> Callable[..., Person]:
    """Make a person with a role at the merchant: ``member("support")``."""

    def make(role: str = "owner", **values: str) -> Person:
        return make_person(app, merchant, role, **values)

    return make


@pytest.fixture
def client(app: Flask) -> HouseClient:
    """A browser that nobody signed in with."""
    client = app.test_client()
    assert isinstance(client, HouseClient)
    return client


@pytest.fixture
def login(app: Flask) -> Callable[[Person], HouseClient]:
    """A browser signed in as the person: ``login(member("owner"))``."""

    def signed_in(person: Person) -> HouseClient:
        client = app.test_client()
        assert isinstance(client, HouseClient)
        sign_in(app, client, person)
        return client

    return signed_in


def _folder(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "files"
    folder.mkdir(exist_ok=True)
    return folder
