"""What an import did, entry by entry, so that its undo knows what to take back and what has changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.imports.models import ImportChange


def journal(
    import_id: int,
    entity: str,
    record_ids: Sequence[int],
    *,
    action: str = "created",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    version_after: int | None = None,
) -> None:
    """Add one entry, in the transaction of what it tells. Nothing done, nothing noted."""
    if not record_ids and not after:
        return
    table = ImportChange.__table__
    merchant_id = current_merchant_id()
    last = (
        sa.select(sa.func.coalesce(sa.func.max(table.c.n), 0))
        .where(table.c.merchant_id == merchant_id, table.c.import_id == import_id)
        .scalar_subquery()
    )
    db.session.execute(
        sa.insert(table).values(
            merchant_id=merchant_id,
            import_id=import_id,
            n=last + 1,
            entity=entity,
            action=action,
            record_ids=list(record_ids),
            before=before,
            after=after,
            version_after=version_after,
            is_undone=False,
        )
    )


def has_entries(import_id: int) -> bool:
    """Whether an import has written anything that is not undone."""
    table = ImportChange.__table__
    return bool(
        db.session.scalar(
            sa.select(
                sa.exists().where(
                    table.c.merchant_id == current_merchant_id(),
                    table.c.import_id == import_id,
                    ~table.c.is_undone,
                )
            )
        )
    )


def journaled_ids(import_id: int, entity: str) -> list[int]:
    """The ids of all records of a kind that an import noted and that are not undone."""
    table = ImportChange.__table__
    rows = db.session.execute(
        sa.select(table.c.record_ids)
        .where(
            table.c.merchant_id == current_merchant_id(),
            table.c.import_id == import_id,
            table.c.entity == entity,
            ~table.c.is_undone,
        )
        .order_by(table.c.n)
    )
    return [record for (ids,) in rows for record in ids]


@dataclass(slots=True)
class OpenEntry:
    """A journal entry that is not undone."""

    n: int
    entity: str
    action: str
    record_ids: list[int]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    version_after: int | None


def open_entries(import_id: int) -> list[OpenEntry]:
    """The entries an undo has to work through, the newest first."""
    table = ImportChange.__table__
    rows = db.session.execute(
        sa.select(
            table.c.n,
            table.c.entity,
            table.c.action,
            table.c.record_ids,
            table.c.before,
            table.c.after,
            table.c.version_after,
        )
        .where(
            table.c.merchant_id == current_merchant_id(), table.c.import_id == import_id, ~table.c.is_undone
        )
        .order_by(table.c.n.desc())
    )
    return [OpenEntry(*row) for row in rows]


def close_entry(import_id: int, entry: OpenEntry, stays: Sequence[int]) -> None:
    """Mark an entry as undone; what stays remains in it, so that a second undo can try again."""
    table = ImportChange.__table__
    db.session.execute(
        sa.update(table)
        .where(
            table.c.merchant_id == current_merchant_id(), table.c.import_id == import_id, table.c.n == entry.n
        )
        .values(is_undone=not stays, record_ids=list(stays) or entry.record_ids, after=entry.after)
    )
