"""The rival of the import: bare COPY, as the owner, of the same rows into the same tables for another merchant."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg

# In the order their keys ask for.
TABLES: Final = (
    "sales_channel",
    "location",
    "product",
    "variant",
    "price",
    "data_subject",
    "customer",
    "order_ref",
    "sales_order",
    "order_line",
    "order_charge",
    "order_contact",
    "order_payment",
    "order_refund",
    "order_refund_line",
    "order_return",
    "order_return_line",
    "stock_level",
    "stock_movement",
    "audit_entry",
    "outbox_event",
    "import_run",
    "import_change",
)
UNTIMED: Final = ("sales_channel", "location", "import_run")
BATCH: Final = 1 << 20


def copy_seconds(
    connection: psycopg.Connection[Any], source: int, target: int, folder: Path
) -> tuple[float, int]:
    """Copy everything the import wrote for *source* in as *target*'s; gives seconds and rows."""
    for table in TABLES:
        with (
            (folder / table).open("wb") as file,
            connection.cursor().copy(_out(connection, table, source, target)) as copy,
        ):
            for piece in copy:
                file.write(piece)
    connection.rollback()
    seconds, rows = 0.0, 0
    for table in TABLES:
        cursor = connection.cursor()
        begun = time.perf_counter()
        with cursor.copy(f"COPY {table} ({', '.join(_columns(connection, table))}) FROM STDIN") as copy:
            for piece in _pieces(folder / table):
                copy.write(piece)
        connection.commit()
        if table not in UNTIMED:
            seconds += time.perf_counter() - begun
            rows += cursor.rowcount
        (folder / table).unlink()
    connection.commit()
    return seconds, rows


def remove(connection: psycopg.Connection[Any], merchant_id: int) -> None:
    """Delete the copied rows, children first."""
    for table in reversed(TABLES):
        connection.execute(f"DELETE FROM {table} WHERE merchant_id = %s", (merchant_id,))
    connection.commit()


def _out(connection: psycopg.Connection[Any], table: str, source: int, target: int) -> str:
    columns = ", ".join(
        str(target) if column == "merchant_id" else column for column in _columns(connection, table)
    )
    return f"COPY (SELECT {columns} FROM {table} WHERE merchant_id = {source}) TO STDOUT"


def _columns(connection: psycopg.Connection[Any], table: str) -> list[str]:
    rows = connection.execute(
        """SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
           ORDER BY attnum""",
        (table,),
    ).fetchall()
    return [row[0] for row in rows]


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(BATCH):
            yield piece
