"""Roles and databases of a test's own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.local.databases import Names


@pytest.fixture
def admin_url(servers: tuple[str, str]) -> str:
    return servers[0]


@pytest.fixture
def names(admin_url: str) -> Iterator[Names]:
    tag = secrets.token_hex(5)
    names = Names(
        f"owner_{tag}", f"app_{tag}", f"upkeep_{tag}", f"portal_test_{tag}", f"portal_test_{tag}_keys"
    )
    yield names
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for database in (names.main, names.keys):
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
        for role in (*names.roles, f"weak_{tag}"):
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "state" / "passwords.json"
