"""Units that can be sold of what is counted, all locations together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.core.database import current_merchant_id
from portal.core.listing import execute
from portal.stock.models import StockLevel

_level: Final = StockLevel.__table__.c
_variant: Final = Variant.__table__.c


def available_units(column: sa.ColumnElement[int], keys: Iterable[int]) -> dict[int, int]:
    """Available units by a column of variants; 0 for what is counted and lies nowhere, nothing for what is not counted."""
    units = sa.func.coalesce(
        sa.func.sum(_level.on_hand - _level.allocated - _level.reserved - _level.unavailable), 0
    )
    columns: list[sa.ColumnElement[Any]] = [column.label("key"), units.label("units")]
    statement = (
        sa.select(*columns)
        .select_from(
            Variant.__table__.outerjoin(
                StockLevel.__table__,
                sa.and_(_level.merchant_id == _variant.merchant_id, _level.variant_id == _variant.id),
            )
        )
        .where(_variant.merchant_id == current_merchant_id(), column.in_(keys), _variant.is_stocked)
        .group_by(column)
    )
    return {row.key: int(row.units) for row in execute(statement)}
