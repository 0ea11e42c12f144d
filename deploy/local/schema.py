"""Which schema the databases of an installation were made for, and the dropping of those made for an older one.

Until the first release there is one revision (docs/decisions/one-baseline.md), so `flask db upgrade` finds nothing to do on a
database that an older baseline made. The main database therefore carries the digest of its schema as its comment.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from deploy.local.databases import Connection, Names, at
from deploy.local.layout import ROOT, CannotGoOnError, digest_of


def schema_digest() -> str:
    """The schema of this checkout in one word."""
    migrations = sorted(path for path in (ROOT / "migrations").rglob("*") if path.suffix in {".py", ".sql"})
    return digest_of(*migrations)[:8]


def is_current(environment: dict[str, str]) -> bool:
    """Whether both databases hold the schema of this checkout; one that was dropped by hand is made anew, empty."""
    with psycopg.connect(environment["DATABASE_URL"], connect_timeout=10) as main:
        if not _holds(main, "alembic_version") or _made_for(main) != schema_digest():
            return False
    with psycopg.connect(environment["KEYRING_DATABASE_URL"], connect_timeout=10) as keys:
        return _holds(keys, "person_key")


def mark_current(environment: dict[str, str]) -> None:
    """Note that the databases were brought to the schema of this checkout."""
    with psycopg.connect(environment["OWNER_DATABASE_URL"], autocommit=True) as main:
        main.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(main.info.dbname), sql.Literal(schema_digest())
            )
        )


def is_older(admin_url: str, names: Names) -> bool:
    """Whether the main database is there and holds another schema than this checkout's.

    Raises:
        CannotGoOnError: the server is unreachable, or the administrator's role may not look.
    """
    try:
        with psycopg.connect(admin_url, connect_timeout=10) as admin:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if admin.execute(known, [names.main]).fetchone() is None:
                return False
        with psycopg.connect(at(admin_url, names.main), connect_timeout=10) as main:
            return _holds(main, "alembic_version") and _made_for(main) != schema_digest()
    except psycopg.Error as error:
        raise CannotGoOnError(f"PostgreSQL did not agree: {str(error).strip()}") from error


def drop(admin_url: str, names: Names) -> None:
    """Drop both databases; the key database first: as long as the main one stands, an interrupted drop is noticed."""
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
        for database in (names.keys, names.main):
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def _made_for(connection: Connection) -> str | None:
    row = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def _holds(connection: Connection, table: str) -> bool:
    return connection.execute("SELECT to_regclass(%s)", [f"public.{table}"]).fetchone() != (None,)
