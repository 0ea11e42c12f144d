"""Which slots of a level give units: all of slot 0 but for hot variants, whose units lie in several."""

from __future__ import annotations

from typing import Final, Literal

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.stock.models import StockLevel

Figure = Literal["available", "quarantine", "damaged", "on_hand", "allocated", "reserved", "incoming"]

_level: Final = StockLevel.__table__.c

_FIGURES: Final = {
    "available": _level.on_hand - _level.allocated - _level.reserved - _level.unavailable,
    "quarantine": _level.unavailable - _level.damaged,
    **{name: _level[name] for name in ("damaged", "on_hand", "allocated", "reserved", "incoming")},
}


def taken_from(variant_id: int, location_id: int, units: int, figure: Figure) -> list[tuple[int, int]]:
    """Slots that together have *units* of *figure*, each with its share; the level is locked.

    What no slot has is asked of slot 0, which then refuses the whole.
    """
    rows = db.session.execute(
        sa.select(_level.slot, _FIGURES[figure].label("units"))
        .where(
            _level.merchant_id == current_merchant_id(),
            _level.variant_id == variant_id,
            _level.location_id == location_id,
        )
        .order_by(_level.slot)
        .with_for_update()
    ).all()
    parts, left = [], units
    for row in rows:
        taken = min(left, row.units)
        if taken > 0:
            parts.append((row.slot, taken))
            left -= taken
    return parts if not left else [(0, units)]
