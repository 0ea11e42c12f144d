"""What an undo could not take back, and the careful deletion that finds out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.imports.connection import execute
from portal.imports.models import ImportRow, RowOutcome

MOST_LISTED: Final = 1_000
CHUNK: Final = 500


class Kept:
    """Collects what stays, and lists the first thousand on the import's page."""

    def __init__(self, import_id: int) -> None:
        self._import_id = import_id
        self.count = 0

    def add(self, subject: str, reason: str) -> None:
        """Note that *subject* stays, because it *reason*."""
        self.count += 1
        if self.count > MOST_LISTED:
            return
        table = ImportRow.__table__
        merchant_id = current_merchant_id()
        last = (
            sa.select(sa.func.coalesce(sa.func.max(table.c.n), 0))
            .where(table.c.merchant_id == merchant_id, table.c.import_id == self._import_id)
            .scalar_subquery()
        )
        db.session.execute(
            sa.insert(table).values(
                merchant_id=merchant_id,
                import_id=self._import_id,
                n=last + 1,
                outcome=RowOutcome.KEPT,
                reason=reason,
                subject=subject[:120],
            )
        )


def delete_each(table: str, ids: Sequence[int]) -> list[int]:
    """Delete rows by id and give those that something still points at. *table* is a name of ours, never input."""
    stays: list[int] = []
    for start in range(0, len(ids), CHUNK):
        part = list(ids[start : start + CHUNK])
        if not _deletes(table, part):
            stays += [one for one in part if not _deletes(table, [one])]
    return stays


def _deletes(table: str, ids: list[int]) -> bool:
    savepoint = db.session.begin_nested()
    try:
        execute(
            f"DELETE FROM {table} WHERE merchant_id = :merchant AND id = ANY(:ids)",
            merchant=current_merchant_id(),
            ids=ids,
        )
    except sa.exc.IntegrityError:
        savepoint.rollback()
        return False
    savepoint.commit()
    return True
