"""Order numbers. They are taken in blocks, in a short transaction of their own, so that two placements never wait
for one counter; a block half used when a process ends leaves a gap, which order numbers may have.

That transaction is beside the pool: a placement already holds a connection when it takes its number."""

from __future__ import annotations

import os
import threading
from typing import Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.database import beside_the_pool, current_merchant_id, db
from portal.orders.models import NumberSeries

BLOCK: Final = 50
FIRST: Final = 1001

_series: Final = NumberSeries.__table__
_lock = threading.Lock()
_blocks: WeakKeyDictionary[sa.Engine, dict[tuple[int, int], list[int]]] = WeakKeyDictionary()


def take_order_number() -> str:
    """The next number of the merchant in scope."""
    return take_order_numbers(1)[0]


def take_order_numbers(count: int) -> list[str]:
    """The next *count* numbers of the merchant in scope, in rising order."""
    # A forked process must not hand out its parent's block again.
    key = (os.getpid(), current_merchant_id())
    with _lock:
        block = _blocks.setdefault(db.engine, {}).setdefault(key, [])
        if len(block) >= count:
            return [str(block.pop(0)) for _ in range(count)]
    with beside_the_pool() as session:
        first = _advance(session, max(BLOCK, count))
    with _lock:
        block.extend(range(first, first + max(BLOCK, count)))
        return [str(block.pop(0)) for _ in range(count)]


def _advance(session: sa.orm.Session, size: int) -> int:
    statement = postgresql.insert(_series).values(
        merchant_id=current_merchant_id(), kind="order", next_value=FIRST + size
    )
    taken = session.execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "kind"], set_={"next_value": _series.c.next_value + size}
        ).returning(_series.c.next_value)
    ).scalar_one()
    return int(taken) - size
