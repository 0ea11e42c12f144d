"""What the writers of a data set share: rows waiting for their COPY, chance, time and ids."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any, Final

import psycopg

from portal.core.ids import id_at

CHUNK: Final = 20_000


class Tables:
    """Rows waiting for their COPY, table by table, in the order in which tables are written."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._waiting: dict[tuple[str, str], list[str]] = {}

    def add(self, table: str, columns: str, row: str) -> None:
        """Keep one row in COPY text form."""
        self._waiting.setdefault((table, columns), []).append(row)

    def write(self) -> None:
        """Copy everything that waits and commit."""
        with self._connection.cursor() as cursor:
            for (table, columns), rows in self._waiting.items():
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    copy.write("".join(rows))
                rows.clear()
        self._connection.commit()


class Ground:
    """One connection, one source of chance, one sequence of ids: the same seed and end date give the same rows."""

    def __init__(
        self, connection: psycopg.Connection[Any], *, seed: int, until: dt.datetime, years: float
    ) -> None:
        self.connection = connection
        self.tables = Tables(connection)
        self.random = random.Random(seed)
        self.until = until
        self.since = until - dt.timedelta(days=round(365.25 * years))
        self._sequence = 0

    def new_id(self, at: dt.datetime) -> int:
        """An id that carries the time."""
        self._sequence += 1
        return id_at(at, self._sequence)

    def reserve(self, table: str, count: int) -> range:
        """So many ids of a table's own sequence."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", (table,))
            row = cursor.fetchone()
            assert row is not None
            cursor.execute("SELECT setval(%s, nextval(%s) + %s) - %s", (row[0], row[0], count, count))
            first = cursor.fetchone()
            assert first is not None
        return range(first[0], first[0] + count)
