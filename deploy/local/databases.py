"""The two databases and the three roles of an installation, made with an administrator's address; safe to repeat."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from deploy.local.layout import CannotGoOnError, say, stop_with
from deploy.local.packages import EXTENSIONS, OLDEST_POSTGRES

# Only a superuser may create this one, and it needs a preloaded library; the portal shows "not available" without it.
OPTIONAL_EXTENSIONS = {"pg_stat_statements"}
BENCH_GUEST = "portal_bench_guest"

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class Names:
    """What the roles and databases are called. Migrations grant to these roles by name."""

    owner: str = "portal_owner"
    app: str = "portal_app"
    upkeep: str = "portal_upkeep"
    main: str = "portal"
    keys: str = "portal_keys"

    @property
    def roles(self) -> tuple[str, str, str]:
        return self.owner, self.app, self.upkeep


@dataclass(frozen=True)
class Installation:
    """How each process signs in, and what was found on the way."""

    database_url: str
    owner_database_url: str
    upkeep_database_url: str
    keyring_database_url: str
    server_version: str
    remarks: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "OWNER_DATABASE_URL": self.owner_database_url,
            "UPKEEP_DATABASE_URL": self.upkeep_database_url,
            "KEYRING_DATABASE_URL": self.keyring_database_url,
        }


def prepare(admin_url: str, passwords_file: Path, names: Names = Names()) -> Installation:
    """Make roles, databases and extensions that are not there yet.

    Raises:
        CannotGoOnError: the server is too old or unreachable, or the administrator's role may not do this.
    """
    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
            version = _checked_version(admin)
            passwords = _roles(admin, names, passwords_file)
            for database in (names.main, names.keys):
                _database(admin, database, names)
        remarks = _extensions(at(admin_url, names.main))
        _close_public(at(admin_url, names.main), names)
        _close_public(at(admin_url, names.keys), names)
    except psycopg.Error as error:
        raise CannotGoOnError(f"PostgreSQL did not agree: {str(error).strip()}") from error
    urls = {role: _as(admin_url, role, passwords[role], names.main) for role in names.roles}
    keys = _as(admin_url, names.app, passwords[names.app], names.keys)
    return Installation(urls[names.app], urls[names.owner], urls[names.upkeep], keys, version, remarks)


def prepare_benches(
    admin_url: str, names: Names, sizes: tuple[str, ...], *, lets_owner_skip_checks: bool
) -> None:
    """Beside the databases *names*, one pair per size of data set; those of an older schema are dropped.

    On a server of our own, the owner may also load generated rows without a check per row.
    """
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
        stem = names.main.rpartition("_")[0]
        rows = admin.execute(
            "SELECT datname FROM pg_database WHERE datname ~ %s", [f"^{stem}_[0-9a-f]{{8}}(_keys)?(_[sml])?$"]
        ).fetchall()
        for (stale,) in rows:
            if not str(stale).startswith(names.main):
                say(f"Dropping {stale}: the schema it was made for is no longer this one.")
                admin.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(str(stale)))
                )
        _guest(admin, names)
        if lets_owner_skip_checks:
            admin.execute(
                sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(
                    sql.Identifier(names.owner)
                )
            )
        for size in sizes:
            for database in (f"{names.main}_{size}", f"{names.keys}_{size}"):
                _database(admin, database, names)
                if database.startswith(f"{names.main}_{size}"):
                    _extensions(at(admin_url, database))
                _close_public(at(admin_url, database), names)


def _guest(admin: Connection, names: Names) -> None:
    """A role without rights that the owner may act as: benches let it play an analyst with SQL of their own."""
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [BENCH_GUEST]).fetchone():
        admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(BENCH_GUEST)))
    admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(BENCH_GUEST), sql.Identifier(names.owner)))


def _checked_version(admin: Connection) -> str:
    major = admin.info.server_version // 10000
    if major < OLDEST_POSTGRES:
        raise CannotGoOnError(
            f"DATABASE_URL names PostgreSQL {major}; the portal needs {OLDEST_POSTGRES} or newer."
        )
    there = {row[0] for row in admin.execute("SELECT name FROM pg_available_extensions")}
    absent = [name for name in EXTENSIONS if name not in there | OPTIONAL_EXTENSIONS]
    if absent:
        raise CannotGoOnError(
            f"That server lacks {', '.join(absent)}. On Debian, on the server's machine:\n\n"
            "  apt-get install -y postgresql-contrib\n"
        )
    return str(admin.info.parameter_status("server_version"))


def _roles(admin: Connection, names: Names, passwords_file: Path) -> dict[str, str]:
    known = json.loads(passwords_file.read_text()) if passwords_file.exists() else {}
    there = {
        str(row[0])
        for row in admin.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(names.roles)])
    }
    _may_create(admin, all_there=len(there) == len(names.roles) and _databases_exist(admin, names))
    strangers = sorted(there - known.keys())
    if strangers and os.environ.get("PORTAL_TAKE_OVER_ROLES") != "yes":
        raise CannotGoOnError(
            f"The roles {', '.join(strangers)} exist on that server and their passwords are not in {passwords_file.name}: "
            "another installation may use them.\nIf it is yours to take over, give them new passwords with:\n\n"
            "  PORTAL_TAKE_OVER_ROLES=yes make demo\n"
        )
    passwords = {role: known.get(role) or secrets.token_urlsafe(24) for role in names.roles}
    # Written first: were it the other way round, a crash in between would leave roles nobody can sign in with.
    write_private(passwords_file, json.dumps(passwords))
    for role in names.roles:
        if role not in there or role in strangers:
            verb = "ALTER" if role in there else "CREATE"
            admin.execute(
                sql.SQL("{} ROLE {} LOGIN NOINHERIT PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(role), sql.Literal(passwords[role])
                )
            )
    return passwords


def _may_create(admin: Connection, *, all_there: bool) -> None:
    row = admin.execute(
        "SELECT current_user, rolsuper OR (rolcreaterole AND rolcreatedb) FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert row is not None
    if not row[1] and not all_there:
        raise CannotGoOnError(
            f"DATABASE_URL signs in as {row[0]}, which may not create roles and databases. "
            f"As a superuser of that server:\n\n  ALTER ROLE {row[0]} CREATEROLE CREATEDB;\n"
        )


def _databases_exist(admin: Connection, names: Names) -> bool:
    found = admin.execute(
        "SELECT count(*) FROM pg_database WHERE datname IN (%s, %s)", [names.main, names.keys]
    )
    row = found.fetchone()
    return row is not None and row[0] == 2


def _database(admin: Connection, name: str, names: Names) -> None:
    if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return
    _become_member(admin, names.owner)
    admin.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
            sql.Identifier(name), sql.Identifier(names.owner)
        )
    )


def _become_member(admin: Connection, owner: str) -> None:
    """Only a member of a role may give it a database; superusers are members of all."""
    row = admin.execute("SELECT pg_has_role(current_user, %s, 'USAGE')", [owner]).fetchone()
    if row is not None and not row[0]:
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner)))


def _extensions(url: str) -> tuple[str, ...]:
    remarks = []
    with psycopg.connect(url, autocommit=True) as inside:
        for name in EXTENSIONS:
            try:
                inside.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))
            except psycopg.Error as error:
                if name not in OPTIONAL_EXTENSIONS:
                    raise
                remarks.append(f"{name} is not available: {str(error).splitlines()[0]}")
    return tuple(remarks)


def _close_public(url: str, names: Names) -> None:
    """Nobody but the three roles signs in to these databases, and only the owner makes things in them."""
    with psycopg.connect(url, autocommit=True) as inside:
        database = sql.Identifier(inside.info.dbname)
        inside.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        inside.execute(
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                database, sql.SQL(", ").join(map(sql.Identifier, names.roles))
            )
        )
        inside.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        owned = inside.execute(
            "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'"
        ).fetchone()
        if owned and owned[0] != names.owner:
            inside.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(names.owner)))


def at(url: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _as(url: str, role: str, password: str, database: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    address = urlunsplit(parts._replace(netloc=f"{role}:{quote(password)}@{host}", path=f"/{database}"))
    return address.replace(f"{parts.scheme}://", "postgresql://", 1)


def write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("admin_url", help="postgresql://… of a role that may create roles and databases")
    parser.add_argument(
        "passwords_file", type=Path, help="where the generated passwords are kept (mode 0600)"
    )
    given = parser.parse_args()
    try:
        made = prepare(given.admin_url, given.passwords_file)
    except CannotGoOnError as error:
        stop_with(error)
    say(f"PostgreSQL {made.server_version} is ready.")
    for remark in made.remarks:
        say(remark)


if __name__ == "__main__":
    main()
