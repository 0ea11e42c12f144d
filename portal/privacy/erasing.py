"""Empty every value the map marks erasable, in bounded batches that can stop and go on anywhere.

A batch is one transaction of the caller: it locks rows that still hold something, writes what the law demands to
restricted records, and empties them. A second run finds nothing, so a crash costs one batch.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from portal.core import keyring
from portal.core.clock import utc_now
from portal.core.database import db
from portal.privacy.map import MappedTable, cut_postcode, personal_data_map
from portal.privacy.models import RetainedRecord
from portal.privacy.preview import document_date
from portal.privacy.retention import LEGAL_OBLIGATION, RetentionRule, rule_for

BATCH: Final = 500


@dataclass(slots=True)
class Batch:
    """What one transaction did to one table."""

    table: str
    rows: int = 0
    first: tuple[Any, ...] = ()
    values: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)


class Eraser:
    """Erase the rows of some subjects of one merchant.

    Args:
        merchant_id: the merchant in scope.
        subject_ids: the people; the rows of all of them go in the same batches.
        country: the merchant's country, whose law says what stays.
        request_id: the request this is for; None when the ledger is replayed.
    """

    def __init__(
        self, merchant_id: int, subject_ids: Sequence[int], *, country: str, request_id: int | None
    ) -> None:
        self.merchant_id = merchant_id
        self.subject_ids = list(subject_ids)
        self.rule: RetentionRule = rule_for(country)
        self.country = country
        self.request_id = request_id
        self._today = utc_now().date()

    def batches(self) -> Iterator[Batch]:
        """Do the work batch by batch; commit between two of them."""
        found = personal_data_map()
        for table in found.erasable():
            for condition in found.chunks(table, self.merchant_id, self.subject_ids):
                before: Batch | None = None
                while (batch := self._erase_some(table, condition)).rows:
                    if before is not None and before.first == batch.first:
                        raise RuntimeError(
                            f"A row of {table.name} still counts as filled after it was emptied."
                        )
                    before = batch
                    yield batch

    def _erase_some(self, table: MappedTable, condition: sa.ColumnElement[bool]) -> Batch:
        statement = (
            sa.select(
                *table.key,
                *(table.table.c[name] for name in table.emptied if table.table.c[name] not in table.key),
                document_date(table).label("_documented_at"),
                self._subject_of(table).label("_subject_id"),
            )
            .where(condition, table.any_filled())
            .limit(BATCH)
            .with_for_update(of=table.table)
        )
        rows = db.session.execute(statement).mappings().all()
        batch = Batch(table.name, rows=len(rows))
        if not rows:
            return batch
        batch.first = tuple(rows[0][column.name] for column in table.key)
        for row in rows:
            batch.values.update(
                name for name in table.emptied if row[name] != self._target(table, name, row[name])
            )
        self._keep(table, rows, batch)
        self._shorten(table, rows)
        self._empty(table, rows)
        return batch

    @staticmethod
    def _target(table: MappedTable, name: str, value: Any) -> Any:
        """What stands in the column afterwards."""
        return (
            cut_postcode(value)
            if table.emptied[name].strategy == "truncate_postcode"
            else table.neutral(name)
        )

    def _subject_of(self, table: MappedTable) -> sa.ColumnElement[Any]:
        """The subject of a row, looked up along its path."""
        hop = table.hop
        assert hop is not None
        column = table.table.c[hop.column]
        if hop.target is None:
            return column
        parent = personal_data_map().tables[hop.target]
        joined = sa.and_(parent.table.c.merchant_id == self.merchant_id, parent.key[0] == column)
        return sa.select(self._subject_of(parent)).where(joined).correlate(table.table).scalar_subquery()

    def _keep(self, table: MappedTable, rows: Sequence[sa.RowMapping], batch: Batch) -> None:
        records = []
        for row in rows:
            values = {name: row[name] for name in table.kept if row[name] != table.neutral(name)}
            ends_on = self.rule.ends_on(row["_documented_at"].date())
            if not values or ends_on < self._today:
                continue
            batch.kept[ends_on.isoformat()] += 1
            key = {column.name: row[column.name] for column in table.key}
            records.append(self._record(table.name, key, values, row["_subject_id"], ends_on))
        if records:
            db.session.execute(
                insert(RetainedRecord).on_conflict_do_nothing(
                    constraint="privacy_retained_record_source_key"
                ),
                records,
            )

    def _record(
        self, table: str, key: dict[str, Any], values: dict[str, Any], subject_id: int, ends_on: dt.date
    ) -> dict[str, Any]:
        sealed = keyring.encrypt_retained(
            json.dumps(values, default=str).encode(),
            record_aad(table, key),
            subject_id,
            basis=self.rule.law,
            until=ends_on,
        )
        return {
            "merchant_id": self.merchant_id,
            "subject_id": subject_id,
            "request_id": self.request_id,
            "source_table": table,
            "source_key": key,
            "columns": sorted(values),
            "law": self.rule.law,
            "basis": LEGAL_OBLIGATION,
            "country_code": self.country,
            "ends_on": ends_on,
            "sealed": sealed,
        }

    def _shorten(self, table: MappedTable, rows: Sequence[sa.RowMapping]) -> None:
        for name in (
            name for name, declared in table.emptied.items() if declared.strategy == "truncate_postcode"
        ):
            by_value: defaultdict[str | None, list[sa.RowMapping]] = defaultdict(list)
            for row in rows:
                if row[name] is not None:
                    by_value[cut_postcode(row[name])].append(row)
            for value, same in by_value.items():
                self._update(table, same, {name: value})

    def _empty(self, table: MappedTable, rows: Sequence[sa.RowMapping]) -> None:
        values: dict[str, Any] = {
            name: table.neutral(name)
            for name, declared in table.emptied.items()
            if declared.strategy != "truncate_postcode"
        }
        values |= table.after_erasure
        if "version" in table.table.c:
            # A form that was opened before the erasure would write the person back; its version is stale now.
            values["version"] = table.table.c.version + 1
        if values:
            self._update(table, rows, values)

    def _update(self, table: MappedTable, rows: Sequence[sa.RowMapping], values: dict[str, Any]) -> None:
        keys = [tuple(row[column.name] for column in table.key) for row in rows]
        condition = (
            table.key[0].in_([key[0] for key in keys])
            if len(table.key) == 1
            else sa.tuple_(*table.key).in_(keys)
        )
        db.session.execute(
            sa.update(table.table)
            .where(table.table.c.merchant_id == self.merchant_id, condition)
            .values(values)
        )


def record_aad(table: str, key: dict[str, Any]) -> str:
    """What binds a sealed record to its row."""
    return f"privacy_retained_record:{table}:{json.dumps(key, sort_keys=True)}"
