"""What was done to one order, a page at a time and the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from portal.core.database import db
from portal.orders.book import of_order


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of an order. ``older`` is where the page before them begins; None at the end."""

    rows: Sequence[sa.RowMapping]
    older: int | None


def page_of(table: Any, order_id: int, *, before: int | None, most: int) -> Page:
    """The newest rows of *table*, which numbers them by order in ``n``.

    Args:
        before: ``older`` of the page after this one; None begins with the newest.
    """
    statement = sa.select(table).where(of_order(table, order_id))
    if before is not None:
        statement = statement.where(table.c.n < before)
    rows = db.session.execute(statement.order_by(table.c.n.desc()).limit(most + 1)).mappings().all()
    shown = rows[:most]
    return Page(shown, shown[-1]["n"] if len(rows) > most else None)
