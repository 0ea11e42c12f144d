"""Look for a needle everywhere the portal keeps something: every column, statistics, Redis, files, the ledger."""

from __future__ import annotations

import zlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import redis

from portal.config import settings
from tests.privacy.planting import haystack
from tests.support import databases


def hits_in_database(database: databases.MadeDatabase, needle: str) -> set[tuple[str, str]]:
    """(table, column) wherever the needle stands, read from the catalogue as superuser: no wall, no list of tables."""
    found: set[tuple[str, str]] = set()
    with psycopg.connect(database.url("postgres")) as connection:
        relations = connection.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'm')"
        ).fetchall()
        for (name,) in relations:
            with connection.cursor(name="scan") as cursor:
                cursor.execute(f'SELECT * FROM public."{name}"')
                for row in cursor:
                    columns = [each.name for each in cursor.description or ()]
                    found.update(
                        (name, column)
                        for column, value in zip(columns, row, strict=True)
                        if has(value, needle)
                    )
        found |= {
            ("pg_stats", f"{row[0]}.{row[1]}")
            for row in connection.execute(
                "SELECT tablename, attname FROM pg_stats WHERE schemaname = 'public' AND (most_common_vals::text ILIKE %(n)s OR histogram_bounds::text ILIKE %(n)s"
                " OR most_common_elems::text ILIKE %(n)s)",
                {"n": f"%{needle}%"},
            )
        }
    return found


def rows_of(database: databases.MadeDatabase) -> dict[tuple[str, str], str]:
    """A digest of every row of every table, by table and key, read as superuser."""
    digests: dict[tuple[str, str], str] = {}
    with psycopg.connect(database.url("postgres")) as connection:
        tables = connection.execute(
            "SELECT c.relname, array_agg(a.attname ORDER BY a.attnum) FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY c.relname"
        ).fetchall()
        for name, key in tables:
            keys = ", ".join(f't."{column}"' for column in key)
            for row in connection.execute(
                f"SELECT concat_ws('/', {keys}), md5(t::text) FROM public.\"{name}\" t"
            ):
                digests[name, row[0]] = row[1]
    return digests


def hits_in_redis(url: str, needle: str) -> set[str]:
    """Keys of any type whose name or value holds the needle, unpacked where they are compressed."""
    found: set[str] = set()
    with redis.Redis.from_url(url) as connection:
        for key in connection.scan_iter(count=1_000):
            values: list[object] = [key]
            match connection.type(key):
                case b"string":
                    values.append(connection.get(key))
                case b"hash":
                    values += [part for pair in connection.hgetall(key).items() for part in pair]  # type: ignore[union-attr]
                case b"list":
                    values += connection.lrange(key, 0, -1)  # type: ignore[arg-type]
                case b"set":
                    values += list(connection.smembers(key))  # type: ignore[arg-type]
                case b"zset":
                    values += connection.zrange(key, 0, -1)  # type: ignore[arg-type]
                case b"stream":
                    values += [str(connection.xrange(key))]
            if any(has(value, needle) for value in values):
                found.add(key.decode(errors="replace"))
    return found


def hits_in_files(needle: str) -> set[str]:
    """Files of storage and ledger that hold the needle in their name or bytes."""
    found: set[str] = set()
    for url in (settings().storage_url, settings().ledger_url):
        folder = Path(unquote(urlsplit(url).path))
        for path in folder.rglob("*"):
            if path.is_file() and (needle in str(path) or has(path.read_bytes(), needle)):
                found.add(str(path.relative_to(folder)))
    return found


def has(value: object, needle: str) -> bool:
    """Whether a value holds the needle in any case, also as JSON, compressed, or in base64."""
    raw = haystack(value)
    wanted = needle.lower().encode()
    if wanted in raw.lower():
        return True
    if isinstance(value, bytes | memoryview):
        try:
            return wanted in zlib.decompress(bytes(value)).lower()
        except zlib.error:
            return False
    return False
