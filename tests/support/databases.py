"""A migrated database of its own for every test process, copied from a template that is made once per schema."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from portal.config import Settings

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("portal_owner", "portal_app", "portal_upkeep")
EXTENSIONS = ("pg_trgm", "unaccent", "citext", "btree_gin", "pg_stat_statements")
TEMPLATE_LOCK = 727_900
PASSWORD = "for-tests-only"


@dataclass(frozen=True, slots=True)
class MadeDatabase:
    """Where a test process finds its own databases."""

    admin_url: str
    name: str

    def url(self, role: str, *, keyring: bool = False) -> str:
        parts = urlsplit(self.admin_url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(
            parts._replace(
                netloc=f"{role}:{PASSWORD}@{host}", path=f"/{self.name}{'_keys' if keyring else ''}"
            )
        )


def settings_for(database: MadeDatabase, redis_url: str, folder: Path) -> Settings:
    """Settings of an application that uses *database* and keeps its files in *folder*."""
    return Settings.from_environment(environment_for(database, redis_url, folder))


def environment_for(database: MadeDatabase, redis_url: str, folder: Path) -> dict[str, str]:
    """The same as environment variables, for processes that a test starts."""
    return {
        "DATABASE_URL": database.url("portal_app"),
        "OWNER_DATABASE_URL": database.url("portal_owner"),
        "UPKEEP_DATABASE_URL": database.url("portal_upkeep"),
        "KEYRING_DATABASE_URL": database.url("portal_app", keyring=True),
        "REDIS_URL": redis_url,
        "RQ_PREFIX": database.name,
        "SECRET_KEY": "a-secret-for-tests-only-0123456789abcdef",
        "MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "STORAGE_URL": (folder / "storage").as_uri(),
        "LEDGER_URL": (folder / "ledger").as_uri(),
        "PORTAL_ENVIRONMENT": "test",
        "HTMX_CDN": "off",
    }


@contextmanager
def fresh_database(admin_url: str) -> Iterator[MadeDatabase]:
    """A migrated database and its key database, dropped at the end."""
    template = _template(admin_url)
    database = MadeDatabase(admin_url, f"portal_test_{uuid.uuid4().hex[:12]}")
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for suffix in ("", "_keys"):
            connection.execute(
                f"CREATE DATABASE {database.name}{suffix} TEMPLATE {template}{suffix} OWNER portal_owner"
            )
    try:
        yield database
    finally:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            for suffix in ("", "_keys"):
                connection.execute(f"DROP DATABASE IF EXISTS {database.name}{suffix} WITH (FORCE)")


def _template(admin_url: str) -> str:
    name = f"portal_template_{_schema_hash()}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (TEMPLATE_LOCK,))
        if connection.execute(
            "SELECT FROM pg_database WHERE datname = %s AND datistemplate", (name,)
        ).rowcount:
            return name
        for suffix in ("", "_keys"):
            connection.execute(f"DROP DATABASE IF EXISTS {name}{suffix} WITH (FORCE)")
        _create_roles(connection)
        for suffix in ("", "_keys"):
            connection.execute(f"CREATE DATABASE {name}{suffix} OWNER portal_owner")
            with psycopg.connect(at_database(admin_url, name + suffix), autocommit=True) as inside:
                inside.execute("ALTER SCHEMA public OWNER TO portal_owner")
                inside.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
                for extension in EXTENSIONS if not suffix else ():
                    inside.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        _migrate(MadeDatabase(admin_url, name))
        for suffix in ("_keys", ""):
            connection.execute(f"ALTER DATABASE {name}{suffix} IS_TEMPLATE true ALLOW_CONNECTIONS false")
        return name


def _create_roles(connection: psycopg.Connection[object]) -> None:
    for role in ROLES:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).rowcount:
            connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")


def _migrate(database: MadeDatabase) -> None:
    environment = os.environ | environment_for(database, "redis://127.0.0.1:1/0", Path("/nonexistent"))
    for command in (("db", "upgrade"), ("keyring", "upgrade")):
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *command],
            cwd=ROOT,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f"flask {' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
            )


def _schema_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "migrations").rglob("*")):
        if path.suffix in {".py", ".sql"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def at_database(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
