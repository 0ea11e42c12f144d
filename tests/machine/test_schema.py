"""Databases of an older schema are noticed; the demo's own are dropped and made anew, a given server's never."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from deploy.local import schema
from deploy.local.databases import Installation, Names, at, prepare
from deploy.local.installation import begin_anew, installation, migrate
from deploy.local.layout import CannotGoOnError


@pytest.fixture
def made(admin_url: str, names: Names, kept: Path) -> Installation:
    return prepare(admin_url, kept, names)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """What a demo keeps beside its databases."""
    state = tmp_path / "demo"
    for folder in ("storage", "ledger", "servers"):
        (state / folder).mkdir(parents=True)
        (state / folder / "something").write_text("of the older databases")
    (state / "gateway.json").write_text("{}")
    (state / "secrets.json").write_text("{}")
    return state


def bring(admin_url: str, names: Names, made: Installation) -> None:
    """As the commands that migrate would, as far as these tests look."""
    for database, table in ((names.main, "alembic_version"), (names.keys, "person_key")):
        with psycopg.connect(at(admin_url, database), autocommit=True) as connection:
            connection.execute(f"CREATE TABLE {table} (id int)")
    schema.mark_current(made.environment())


def there(admin_url: str, names: Names) -> set[str]:
    with psycopg.connect(admin_url) as admin:
        found = admin.execute(
            "SELECT datname FROM pg_database WHERE datname = ANY(%s)", [[names.main, names.keys]]
        )
        return {str(row[0]) for row in found}


def test_databases_are_older_when_the_schema_has_changed_since(
    admin_url: str, names: Names, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not schema.is_older(admin_url, names), "there are none yet"
    made = prepare(admin_url, kept, names)
    environment = made.environment()
    assert not schema.is_older(admin_url, names), "they are empty"
    assert not schema.is_current(environment)
    bring(admin_url, names, made)
    assert schema.is_current(environment) and not schema.is_older(admin_url, names)
    monkeypatch.setattr(schema, "schema_digest", lambda: "another")
    assert schema.is_older(admin_url, names) and not schema.is_current(environment)


def test_databases_that_do_not_say_what_they_were_made_for_are_not_taken_for_current(
    admin_url: str, names: Names, made: Installation
) -> None:
    with psycopg.connect(at(admin_url, names.main), autocommit=True) as main:
        main.execute("CREATE TABLE alembic_version (id int)")
    assert schema.is_older(admin_url, names)


def test_a_key_database_made_anew_by_hand_is_migrated(
    admin_url: str, names: Names, made: Installation
) -> None:
    bring(admin_url, names, made)
    with psycopg.connect(at(admin_url, names.keys), autocommit=True) as keys:
        keys.execute("DROP TABLE person_key")
    assert not schema.is_current(made.environment()) and not schema.is_older(admin_url, names)


def test_older_databases_of_the_demo_go_with_what_was_kept_beside_them(
    admin_url: str, names: Names, made: Installation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(admin_url, names, made)
    begin_anew("demo", admin_url, names, state, is_own=True)
    assert capsys.readouterr().out == (
        "The demo databases were made for an older schema: they are dropped and loaded anew.\n"
    )
    assert there(admin_url, names) == set()
    assert {path.name for path in state.iterdir()} == {"servers", "secrets.json"}


def test_databases_on_a_given_server_are_left_alone(
    admin_url: str, names: Names, made: Installation, state: Path
) -> None:
    bring(admin_url, names, made)
    before = sorted(state.rglob("*"))
    with pytest.raises(CannotGoOnError, match="nothing was touched") as refused:
        begin_anew("demo", admin_url, names, state, is_own=False)
    assert "env -u DATABASE_URL make demo" in str(refused.value)
    assert f"DROP DATABASE {names.main}" in str(refused.value)
    assert there(admin_url, names) == {names.main, names.keys}
    assert sorted(state.rglob("*")) == before


def test_a_demo_on_a_given_server_of_another_schema_does_not_start(
    servers: tuple[str, str],
    admin_url: str,
    names: Names,
    made: Installation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bring(admin_url, names, made)
    monkeypatch.setattr(schema, "schema_digest", lambda: "another")
    monkeypatch.setattr("deploy.local.layout.STATE", tmp_path / "portal")
    monkeypatch.setattr("deploy.local.installation._names", lambda _name: names)
    monkeypatch.setattr("deploy.local.installation.ended_by_signal", lambda: None)
    monkeypatch.setenv("DATABASE_URL", admin_url)
    monkeypatch.setenv("REDIS_URL", servers[1])
    with pytest.raises(CannotGoOnError, match="nothing was touched"), installation("demo"):
        pytest.fail("it started")
    assert there(admin_url, names) == {names.main, names.keys}


def test_nothing_is_run_for_databases_that_are_current(
    admin_url: str, names: Names, made: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[tuple[str, ...]] = []
    monkeypatch.setattr("deploy.local.installation.flask", lambda _environment, *command: run.append(command))
    migrate(made.environment())
    assert run == [("db", "upgrade"), ("keyring", "upgrade")]
    bring(admin_url, names, made)
    migrate(made.environment())
    assert len(run) == 2


def test_a_server_that_does_not_answer_is_a_sentence() -> None:
    with pytest.raises(CannotGoOnError, match="PostgreSQL did not agree"):
        schema.is_older("postgresql://postgres@127.0.0.1:1/postgres", Names())
