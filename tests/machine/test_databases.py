"""Roles and databases are made once, kept, and never taken from another installation."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.local.databases import Names, prepare
from deploy.local.layout import CannotGoOnError


def test_a_second_run_changes_nothing(admin_url: str, names: Names, kept: Path) -> None:
    first = prepare(admin_url, kept, names)
    passwords = kept.read_text()
    assert prepare(admin_url, kept, names) == first
    assert kept.read_text() == passwords


def test_passwords_are_for_their_owner_only(admin_url: str, names: Names, kept: Path) -> None:
    prepare(admin_url, kept, names)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(set(json.loads(kept.read_text()).values())) == 3


def test_the_owner_owns_both_databases_and_the_app_makes_nothing(
    admin_url: str, names: Names, kept: Path
) -> None:
    made = prepare(admin_url, kept, names)
    with psycopg.connect(admin_url) as admin:
        owners = admin.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = ANY(%s)",
            [[names.main, names.keys]],
        ).fetchall()
    assert owners == [(names.owner,)] * 2
    with psycopg.connect(made.owner_database_url) as owner:
        owner.execute("CREATE TABLE by_owner (id int)")
        found = {row[0] for row in owner.execute("SELECT extname FROM pg_extension")}
    assert {"pg_trgm", "unaccent", "citext", "btree_gin"} <= found
    for url in (made.database_url, made.keyring_database_url):
        with psycopg.connect(url) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE by_app (id int)")


def test_it_refuses_an_administrator_who_may_not_create_roles(
    admin_url: str, names: Names, kept: Path
) -> None:
    weak = names.owner.replace("owner", "weak")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'for-this-test'").format(sql.Identifier(weak)))
    host = admin_url.partition("@")[2]
    with pytest.raises(CannotGoOnError, match=rf"ALTER ROLE {weak} CREATEROLE CREATEDB;"):
        prepare(f"postgresql://{weak}:for-this-test@{host}", kept, names)
    assert not kept.exists()


def test_it_does_not_take_the_roles_of_another_installation(
    admin_url: str, names: Names, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(admin_url, kept, names)
    other = kept.with_name("other.json")
    with pytest.raises(CannotGoOnError, match="PORTAL_TAKE_OVER_ROLES=yes"):
        prepare(admin_url, other, names)
    assert not other.exists()
    monkeypatch.setenv("PORTAL_TAKE_OVER_ROLES", "yes")
    made = prepare(admin_url, other, names)
    with psycopg.connect(made.database_url) as app:
        assert app.info.user == names.app


def test_a_server_that_does_not_answer_is_a_sentence_not_a_traceback(kept: Path) -> None:
    with pytest.raises(CannotGoOnError, match="PostgreSQL did not agree"):
        prepare("postgresql://postgres@127.0.0.1:1/postgres", kept)
