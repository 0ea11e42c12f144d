"""The rows an import lists on its page: rejected ones and differences, the first thousand of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.imports.models import ImportRow, RowOutcome

MOST_LISTED: Final = 1_000


def clear_listed(import_id: int) -> None:
    """Forget what an earlier check listed."""
    table = ImportRow.__table__
    db.session.execute(
        sa.delete(table).where(table.c.merchant_id == current_merchant_id(), table.c.import_id == import_id)
    )


class Listed:
    """Adds rows to the list, up to its bound; what goes beyond is counted elsewhere."""

    def __init__(self, import_id: int) -> None:
        self._import_id = import_id
        self._n = 0
        self._by_outcome = dict.fromkeys(RowOutcome, 0)

    def add(self, outcome: RowOutcome, rows: Iterable[dict[str, Any]]) -> None:
        """List *rows*: dictionaries of ``row_number``, ``field``, ``reason``, ``subject``, ``before``, ``after``."""
        room = MOST_LISTED - self._by_outcome[outcome]
        values = [self._values(outcome, row) for row in islice(rows, max(0, room))]
        self._by_outcome[outcome] += len(values)
        if values:
            db.session.execute(sa.insert(ImportRow.__table__), values)

    def _values(self, outcome: RowOutcome, row: dict[str, Any]) -> dict[str, Any]:
        self._n += 1
        empty: dict[str, Any] = dict.fromkeys(("row_number", "field", "subject", "before", "after"))
        return {
            "merchant_id": current_merchant_id(),
            "import_id": self._import_id,
            "n": self._n,
            "outcome": outcome.value,
            **empty,
            **row,
        }


def listed_rows(import_id: int, outcome: RowOutcome, after: int = 0, count: int = 50) -> Iterator[ImportRow]:
    """A page of the list, behind position *after*."""
    return iter(
        db.session.scalars(
            sa.select(ImportRow)
            .where(
                ImportRow.merchant_id == current_merchant_id(),
                ImportRow.import_id == import_id,
                ImportRow.outcome == outcome.value,
                ImportRow.n > after,
            )
            .order_by(ImportRow.n)
            .limit(count)
        ).all()
    )
