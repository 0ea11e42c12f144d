"""One connection for a whole job, so that its temporary tables outlive its commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from portal.core.database import db


@contextmanager
def one_connection() -> Iterator[None]:
    """Hold ``db.session`` on one connection until the end, across commits; then drop what it staged.

    A job that stages rows needs a session of its own with PostgreSQL, so its worker must not go through a pooler in
    transaction mode; everything else it does (leases, progress) keeps its own short transactions.
    """
    db.session.rollback()
    session = db.session()
    with db.engine.connect() as connection:

        def pinned(*args: Any, **kwargs: Any) -> sa.Connection:
            return connection

        _make_room(connection)
        session.get_bind = pinned  # type: ignore[method-assign]
        try:
            yield
        finally:
            session.rollback()
            del session.get_bind
            connection.rollback()
            # A pooled connection goes on to serve others; its temporary tables must not.
            connection.exec_driver_sql("DISCARD TEMP")
            connection.exec_driver_sql("RESET work_mem")
            connection.commit()


def _make_room(connection: sa.Connection) -> None:
    """Memory for staged rows in the server, so that sorting them and reading them again does not go to disk."""
    connection.exec_driver_sql("SET work_mem = '64MB'")
    # PostgreSQL takes this only before the first temporary table of a session; a pooled one may have had some.
    connection.exec_driver_sql(
        "SELECT set_config('temp_buffers', '128MB', false) WHERE pg_my_temp_schema() = 0"
    )
    connection.commit()


def execute(statement: str, **values: Any) -> sa.Result[*tuple[Any, ...]]:
    """Run one SQL text with those of the named values that it uses."""
    clause = _text(statement)
    used = {name: values[name] for name in clause._bindparams}
    return db.session.execute(clause, used)


def execute_count(statement: str, **values: Any) -> int:
    """Run one SQL text and give the number of rows it wrote."""
    result = execute(statement, **values)
    assert isinstance(result, sa.CursorResult)
    return result.rowcount


@lru_cache(maxsize=512)
def _text(statement: str) -> sa.TextClause:
    return sa.text(statement)


def copy_into(target: str, lines: Iterable[str]) -> None:
    """COPY text-format *lines* into ``table (columns)``. Only temporary tables: row-level security refuses the others."""
    driver = db.session.connection().connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        buffer: list[str] = []
        size = 0
        for line in lines:
            buffer.append(line)
            size += len(line)
            if size > 1 << 16:
                copy.write("".join(buffer))
                buffer.clear()
                size = 0
        copy.write("".join(buffer))


def copy_text(value: str) -> str:
    """*value* as the text format of COPY writes it."""
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if "\t" in value or "\n" in value or "\r" in value:
        value = value.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return value
