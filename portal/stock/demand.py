"""Notice in a process that a variant is in sudden demand, and have it spread over slots."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from portal.core.audit import SYSTEM
from portal.core.database import current_merchant_id, db
from portal.core.jobs import enqueue
from portal.stock.supply import hot_among

HEAT_JOB: Final = "stock.heat"

# A process that promises units of one variant so often within so many seconds has a hot one.
WINDOW_SECONDS: Final = 5.0
OFTEN: Final = 50
MOST_WATCHED: Final = 10_000

_lock = threading.Lock()
_seen: dict[tuple[sa.Engine, int, int], tuple[float, int]] = {}


def note_demand(variant_ids: Iterable[int], times: int = 1) -> bool:
    """Units of these variants were asked for; ask, once per window, to spread one that is asked for often.

    The request for it stands in the caller's transaction; gives whether there is one.
    """
    engine, merchant_id = db.engine, current_merchant_id()
    often = [variant_id for variant_id in variant_ids if _counted((engine, merchant_id, variant_id), times)]
    cold = sorted(set(often) - hot_among(often)) if often else []
    for variant_id in cold:
        enqueue(HEAT_JOB, {"variant_id": variant_id}, by=SYSTEM, unique_key=f"variant:{variant_id}")
    return bool(cold)


def _counted(key: tuple[sa.Engine, int, int], times: int) -> bool:
    """Whether this made the variant one that is asked for often, now."""
    now = time.monotonic()
    with _lock:
        if len(_seen) > MOST_WATCHED:
            _seen.clear()
        began, count = _seen.get(key, (now, 0))
        if now - began > WINDOW_SECONDS:
            began, count = now, 0
        _seen[key] = (began, count + times)
        return count < OFTEN <= count + times
