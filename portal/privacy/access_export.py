"""The copy a person may ask for (GDPR articles 15 and 20): everything the map says stands about them, one file.

The file is a zip: `data.json` for machines, one CSV per table, and `index.html` to read. What could not be opened is
listed as incomplete, never left out in silence.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from flask import render_template

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.personal_data import PersonalData
from portal.privacy.map import MappedTable, personal_data_map
from portal.privacy.sealed import open_sealed

NEVER_GIVEN: Final = frozenset({"credential"})
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


@dataclass(slots=True)
class ExportedTable:
    """The rows of one table about the person, with what each column is for."""

    name: str
    columns: dict[str, PersonalData]
    rows: list[dict[str, Any]] = field(default_factory=list)
    unreadable: int = 0


def collect(
    subject_ids: Sequence[int], *, progress: Callable[[int, str], None] = lambda done, table: None
) -> list[ExportedTable]:
    """Everything about the people, table by table, sealed values opened, keys and times beside them."""
    found, merchant_id, done = personal_data_map(), current_merchant_id(), 0
    exported = []
    for table in found.holding_data():
        columns = {
            name: declared for name, declared in table.columns.items() if declared.category not in NEVER_GIVEN
        }
        entry = ExportedTable(table.name, columns)
        for condition in found.chunks(table, merchant_id, subject_ids):
            for row in db.session.execute(sa.select(table.table).where(condition)).mappings():
                entry.rows.append(_readable(table, row, entry))
                done += 1
        progress(done, table.name)
        if entry.rows:
            exported.append(entry)
    return exported


def as_zip(
    tables: Sequence[ExportedTable], *, request_id: int, merchant_name: str, recipients: Sequence[str]
) -> bytes:
    """The file that is handed to the person."""
    made_at = utc_now()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        about = {
            "request": request_id,
            "controller": merchant_name,
            "made_at": made_at.isoformat(timespec="seconds"),
            "recipients": list(recipients),
        }
        archive.writestr("data.json", _json(about, tables))
        for table in tables:
            archive.writestr(f"tables/{table.name}.csv", _csv(table))
        archive.writestr(
            "index.html",
            render_template("privacy/_access_copy.html", about=about, tables=tables, made_at=made_at),
        )
    return buffer.getvalue()


def _readable(table: MappedTable, row: sa.RowMapping, entry: ExportedTable) -> dict[str, Any]:
    """The row as the person may see it: their data, and the keys and times that give it sense."""
    readable: dict[str, Any] = {}
    for column in table.table.columns:
        value = row[column]
        declared = table.columns.get(column.name)
        if declared is not None and declared.category in NEVER_GIVEN:
            continue
        if declared is None and isinstance(value, bytes):
            continue
        if declared is not None and value is not None and isinstance(value, bytes):
            value = open_sealed(table, column.name, row)
            entry.unreadable += value is None
        readable[column.name] = _plain(value)
    return readable


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value


def _json(about: dict[str, Any], tables: Sequence[ExportedTable]) -> str:
    return json.dumps(
        {
            **about,
            "tables": [
                {
                    "name": table.name,
                    "rows": table.rows,
                    "unreadable_values": table.unreadable,
                    "columns": {
                        name: {
                            "category": declared.category,
                            "purpose": declared.purpose,
                            "basis": declared.basis,
                            "kept": declared.retention,
                        }
                        for name, declared in table.columns.items()
                    },
                }
                for table in tables
            ],
        },
        ensure_ascii=False,
        indent=1,
        default=str,
    )


def _csv(table: ExportedTable) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    names = list(table.rows[0])
    writer.writerow(names)
    writer.writerows(_cells(table, names))
    return "\ufeff" + text.getvalue()


def _cells(table: ExportedTable, names: Sequence[str]) -> Iterator[list[str]]:
    for row in table.rows:
        yield [_safe(row[name]) for name in names]


def _safe(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text
