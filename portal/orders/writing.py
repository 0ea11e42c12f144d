"""Writing a new order: the rows of all its tables, its audit entries, its event and its movements of stock in one trip.

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

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.jobs.ringing import ring_for_events
from portal.stock.moving import MOVE_STOCK, Move, arguments_of, refuse_short

_WRITE_ORDER: Final = "write_order(:merchant, CAST(:rows AS jsonb))"
_WRITE: Final = sa.text(f"SELECT {_WRITE_ORDER}")
# The order is the outer side: it is written whether or not a level is short.
_WRITE_AND_MOVE: Final = sa.text(f"""
    SELECT short_variant, short_location, short_slot
    FROM {_WRITE_ORDER} AS written LEFT JOIN {MOVE_STOCK} AS short ON true""")


def write_order(
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    moves: Sequence[Move] = (),
    *,
    are_held: bool = False,
    by: Actor,
) -> None:
    """Insert rows by table, and move the stock of the order. Wakes who listens to events.

    Args:
        rows: those of a table name the columns that the function knows.
        are_held: the caller holds the levels of all moves and saw that they have enough.

    Raises:
        InsufficientStockError: a level would promise more than is on hand; the caller rolls back.
    """
    merchant_id = current_merchant_id()
    filled = {table: [_known(row) for row in of_table] for table, of_table in rows.items() if of_table}
    values = {"merchant": merchant_id, "rows": json.dumps(filled, default=_plain)}
    call = arguments_of(moves, are_held=are_held, by=by)
    if call:
        refuse_short(db.session.execute(_WRITE_AND_MOVE, values | call).all())
    else:
        db.session.execute(_WRITE, values)
    ring_for_events(db.session(), merchant_id)


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what is not known: the function takes that for NULL."""
    return {name: value for name, value in row.items() if value is not None}


def _plain(value: object) -> str:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is no value of a row.")
