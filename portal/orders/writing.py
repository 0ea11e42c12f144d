"""Writing the rows of a new order: all its tables, its audit entries and its event in one call.

The rows travel as one JSON document to ``write_order``, a function of the database whose plans are kept
(``migrations/functions/placement.sql``); it casts them to the columns' types.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.jobs.ringing import ring_for_events

_WRITE: Final = sa.text("SELECT write_order(:merchant, CAST(:rows AS jsonb))")


def write_order(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Insert rows by table; those of a table name the columns that the function knows. Wakes who listens to events."""
    merchant_id = current_merchant_id()
    filled = {table: list(of_table) for table, of_table in rows.items() if of_table}
    db.session.execute(_WRITE, {"merchant": merchant_id, "rows": json.dumps(filled, default=_plain)})
    ring_for_events(db.session(), merchant_id)


def _plain(value: object) -> str:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is no value of a row.")
