"""A missing thing is named, with the line to type."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import packages
from deploy.local.layout import ROOT, CannotGoOnError, Stopwatch


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with nothing on its PATH; gives the directory that programs can be put into."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packages, "POSTGRES_PLACES", ())
    monkeypatch.setattr(packages.postgres_bin, "__defaults__", ((),))
    for name in ("DATABASE_URL", "REDIS_URL", "CHROMIUM"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def program(directory: Path, name: str, script: str = "exit 0") -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_it_names_the_line_to_type_without_root_and_sudo(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare, "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotGoOnError) as refused:
        packages.ensure([packages.POSTGRES, packages.REDIS], Stopwatch())
    line = "apt-get install -y --no-install-recommends postgresql postgresql-contrib redis-server"
    assert f"\n  {line}\n" in str(refused.value)


def test_it_says_what_is_missing_where_there_is_no_package_manager(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CannotGoOnError, match="PostgreSQL server, 15 or newer"):
        packages.ensure([packages.POSTGRES], Stopwatch())
    assert "Not found: a PostgreSQL server" in capsys.readouterr().out


def test_it_installs_as_root_and_looks_again(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare, "apt-get")
    program(bare, "env", f'case "$*" in *--download-only*) ;; *) echo "$@" >> {bare}/typed ;; esac')
    program(bare, "true")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(CannotGoOnError, match="still not usable"):
        packages.ensure([packages.REDIS], Stopwatch())
    typed = (bare / "typed").read_text()
    assert typed == "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server\n"


def test_it_shows_the_line_when_apt_fails(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare, "apt-get")
    program(bare, "env", "exit 100")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(CannotGoOnError, match="apt-get install -y --no-install-recommends redis-server"):
        packages.ensure([packages.REDIS], Stopwatch())


def test_servers_given_by_url_are_not_asked_of_the_machine() -> None:
    given = {"DATABASE_URL": "postgresql://admin@db/postgres", "REDIS_URL": "redis://127.0.0.1/0"}
    assert packages.needs(tests=False, vendor=False, environ=given) == [packages.PYTHON]
    assert packages.POSTGRES in packages.needs(tests=False, vendor=False, environ={})


def test_chromium_is_for_the_tests_only() -> None:
    assert packages.CHROMIUM not in packages.needs(tests=False, vendor=True, environ={})
    assert packages.CHROMIUM in packages.needs(tests=True, vendor=True, environ={})


def test_servers_that_are_too_old_do_not_count(bare: Path) -> None:
    program(bare, "redis-server", 'echo "Redis server v=6.0.16 sha=0"')
    assert packages.redis_binary() is None
    program(bare, "redis-server", 'echo "Redis server v=6.2.14 sha=0"')
    assert packages.redis_binary() == str(bare / "redis-server")


def test_the_newest_postgres_is_taken_and_old_ones_are_not(tmp_path: Path) -> None:
    for major in (14, 15, 16):
        directory = tmp_path / str(major) / "bin"
        directory.mkdir(parents=True)
        program(directory, "postgres", f'echo "postgres (PostgreSQL) {major}.4"')
        program(directory, "initdb")
        program(directory, "pg_config")
    assert packages.postgres_bin((str(tmp_path / "*/bin"),)) == tmp_path / "16" / "bin"


def test_absent_contrib_extensions_are_named(tmp_path: Path) -> None:
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / "citext.control").touch()
    program(tmp_path, "pg_config", f"echo {tmp_path}")
    assert packages.missing_extensions(tmp_path) == ["pg_trgm", "unaccent", "btree_gin", "pg_stat_statements"]


def test_the_set_up_needs_only_the_standard_library() -> None:
    # The environment does not exist yet when these run.
    script = "import deploy.local.setup, deploy.local.servers, sys; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    strangers = {name for name in done.stdout.split() if name not in sys.stdlib_module_names} - {
        "deploy",
        "__main__",
    }
    assert strangers == set()
