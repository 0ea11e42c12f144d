"""Workers find what waits in the whole database, so theirs is one in which no other test left anything waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.support.apps import running_app
from tests.support.databases import MadeDatabase, environment_for, fresh_database


@pytest.fixture(scope="module")
def database(servers: tuple[str, str]) -> Iterator[MadeDatabase]:
    with fresh_database(servers[0]) as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def process_environment(database: MadeDatabase, servers: tuple[str, str], folder: Path) -> dict[str, str]:
    return environment_for(database, servers[1], folder)


@pytest.fixture(scope="module")
def app(database: MadeDatabase, servers: tuple[str, str], folder: Path) -> Iterator[Flask]:
    with running_app(database, servers[1], folder) as app:
        yield app
