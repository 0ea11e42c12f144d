"""Writing the rows of a new order: all its tables in one statement, however many lines it has.

The rows travel as one JSON document and are cast to the columns' types by PostgreSQL. The text depends only on which
tables get rows, so it is built once for each such set.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.database import Base, current_merchant_id, db

_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]


def write_rows(rows: Mapping[type[Base], Sequence[Mapping[str, Any]]]) -> None:
    """Insert *rows* of each model in one statement. All rows of a model name the same columns."""
    filled = {model.__table__.name: list(of_table) for model, of_table in rows.items() if of_table}
    if not filled:
        return
    shape = tuple((name, tuple(of_table[0])) for name, of_table in filled.items())
    db.session.execute(
        _statement(shape),
        {"merchant": current_merchant_id(), "rows": json.dumps(filled, default=_plain)},
    )


@functools.lru_cache(maxsize=256)
def _statement(shape: tuple[tuple[str, tuple[str, ...]], ...]) -> sa.TextClause:
    inserts = [_insert(table, columns) for table, columns in shape]
    parts = [f"wrote_{n} AS ({insert})" for n, insert in enumerate(inserts[:-1])]
    given = "given AS MATERIALIZED (SELECT CAST(:rows AS jsonb) AS rows)"
    return sa.text(f"WITH {', '.join([given, *parts])} {inserts[-1]}")


def _insert(table: str, columns: Sequence[str]) -> str:
    known = Base.metadata.tables[table].columns
    typed = ", ".join(f"{name} {known[name].type.compile(dialect=_DIALECT)}" for name in columns)
    named = ", ".join(columns)
    taken = ", ".join(f"r.{name}" for name in columns)
    return (
        f"INSERT INTO {table} (merchant_id, {named}) SELECT :merchant, {taken}"
        f" FROM given, jsonb_to_recordset(given.rows -> '{table}') AS r({typed})"
    )


def _plain(value: object) -> str:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is no value of a row.")
