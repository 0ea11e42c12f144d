"""What an erasure would do, counted from the personal-data map before anybody decides."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import db
from portal.privacy.map import MappedTable, PersonalDataMap, personal_data_map
from portal.privacy.retention import LEGAL_OBLIGATION, rule_for


def build_preview(merchant_id: int, subject_ids: Sequence[int], *, country: str) -> dict[str, Any]:
    """Count, per table, the values that go, the values that stay under a law, and what becomes unreadable.

    Args:
        merchant_id: the merchant in scope.
        subject_ids: everybody in the scope of the request.
        country: the merchant's country; its law says what stays.
    """
    found = personal_data_map()
    tables = [
        entry
        for table in found.holding_data()
        if (entry := _count(found, table, merchant_id, subject_ids, country))
    ]
    return {
        "map_version": found.version,
        "subjects": len(subject_ids),
        "tables": tables,
        "values": sum(sum(entry["erased"].values()) for entry in tables),
        "kept_rows": sum(kept["rows"] for entry in tables for kept in entry["kept"]),
        "sealed_rows": sum(entry["sealed_rows"] for entry in tables),
    }


def digest(preview: dict[str, Any]) -> str:
    """What an approver signs: everything that is emptied and everything that stays.

    The case itself grows while it is read (evidence, views), so encrypted rows are shown but not part of it.
    """
    decided = [
        [entry["table"], entry["erased"], entry["kept"]] for entry in preview["tables"] if entry["erased"]
    ]
    said = [preview["map_version"], preview["subjects"], decided]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def document_date(table: MappedTable) -> sa.ColumnElement[Any]:
    """The instant a row is from: the time in its partition key, else when it was made."""
    partition_key = table.table.info.get("partition_by")
    if partition_key:
        return sa.func.id_time(table.table.c[partition_key])
    if "created_at" in table.table.c:
        return table.table.c.created_at
    return sa.func.now()


def remaining(merchant_id: int, subject_ids: Sequence[int]) -> dict[str, int]:
    """Rows per table that still hold something erasure takes away: the read-back, empty when all is done."""
    found, left = personal_data_map(), Counter[str]()
    for table in found.erasable():
        for condition in found.chunks(table, merchant_id, subject_ids):
            statement = (
                sa.select(sa.func.count()).select_from(table.table).where(condition, table.any_filled())
            )
            left[table.name] += db.session.scalar(statement) or 0
    return {name: count for name, count in left.items() if count}


def _count(
    found: PersonalDataMap, table: MappedTable, merchant_id: int, subject_ids: Sequence[int], country: str
) -> dict[str, Any] | None:
    rows, sealed_rows = 0, 0
    erased, kept_by_year = Counter[str](), Counter[int]()
    for condition in found.chunks(table, merchant_id, subject_ids):
        counted = db.session.execute(_counts(table, condition)).one()
        rows += counted.rows
        sealed_rows += counted.sealed
        erased.update({name: counted._mapping[f"filled_{name}"] for name in table.emptied})
        for year, count in _kept_years(table, condition):
            kept_by_year[year] += count
    if not rows:
        return None
    return {
        "table": table.name,
        "rows": rows,
        "sealed_rows": sealed_rows,
        "restricted": table.restricted,
        "erased": {name: count for name, count in erased.items() if count},
        "strategies": {name: declared.strategy for name, declared in table.columns.items()},
        "kept": _laws(table, kept_by_year, country),
    }


def _counts(table: MappedTable, condition: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    filled = [
        sa.func.count().filter(table.still_filled(name)).label(f"filled_{name}") for name in table.emptied
    ]
    sealed = sa.or_(sa.false(), *(table.table.c[name].is_not(None) for name in table.shredded))
    return (
        sa.select(sa.func.count().label("rows"), sa.func.count().filter(sealed).label("sealed"), *filled)
        .select_from(table.table)
        .where(condition)
    )


def _kept_years(table: MappedTable, condition: sa.ColumnElement[bool]) -> Iterator[tuple[int, int]]:
    if not table.kept:
        return
    year = sa.cast(sa.extract("year", sa.func.timezone("UTC", document_date(table))), sa.Integer)
    holds = sa.or_(*(table.still_filled(name) for name in table.kept))
    statement = (
        sa.select(year, sa.func.count()).select_from(table.table).where(condition, holds).group_by(year)
    )
    yield from db.session.execute(statement)


def _laws(table: MappedTable, by_year: Counter[int], country: str) -> list[dict[str, Any]]:
    rule, today = rule_for(country), utc_now().date()
    return [
        {
            "columns": sorted(table.kept),
            "rows": count,
            "law": rule.law,
            "basis": LEGAL_OBLIGATION,
            "ends_on": rule.ends_on(dt.date(year, 1, 1)).isoformat(),
        }
        for year, count in sorted(by_year.items())
        if rule.ends_on(dt.date(year, 1, 1)) >= today
    ]
