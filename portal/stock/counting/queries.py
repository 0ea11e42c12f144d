"""Read counts: totals for the list, the last scans, names for the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import url_for

from portal.core.database import current_merchant_id, db
from portal.core.http import can
from portal.core.listing import execute
from portal.stock.causes import Cause
from portal.stock.models import StockCount, StockCountLine, StockCountScan
from portal.stock.papers import names_of, people_names
from portal.stock.scanning import Scanned

LAST_SCANS = 15
CAP = 10_000

_line = StockCountLine.__table__.c
_scan = StockCountScan.__table__.c


@dataclass(frozen=True, slots=True)
class LastScan:
    """A scan as the counting page lists it."""

    variant: Scanned
    units: int
    mode: str
    at: dt.datetime
    who: str | None


def last_scans(count_id: int) -> list[LastScan]:
    """The last scans of a count, newest first."""
    rows = db.session.execute(
        sa.select(_scan.variant_id, _scan.units, _scan.mode, _scan.at, _scan.actor_id)
        .where(_scan.merchant_id == current_merchant_id(), _scan.count_id == count_id)
        .order_by(_scan.at.desc())
        .limit(LAST_SCANS)
    ).all()
    names = names_of(row.variant_id for row in rows)
    people = people_names(row.actor_id for row in rows)
    return [
        LastScan(names[row.variant_id], row.units, row.mode, row.at, people.get(row.actor_id)) for row in rows
    ]


def lines_so_far(count_id: int) -> int:
    """How many variants have a line, counted to the cap and one further."""
    counted = (
        sa.select(sa.literal(1))
        .where(_line.merchant_id == current_merchant_id(), _line.count_id == count_id)
        .limit(CAP + 1)
        .subquery()
    )
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(counted)) or 0)


def figures_of(count_ids: Sequence[int]) -> dict[int, dict[str, int | None]]:
    """What closed counts found, for a page of the list."""
    table = StockCount.__table__.c
    rows = execute(
        sa.select(table.id, table.summary).where(
            table.merchant_id == current_merchant_id(), table.id.in_(count_ids)
        )
    )
    return {
        row.id: {name: row.summary.get(name) for name in ("lines", "differing", "over", "short")}
        for row in rows
    }


def count_causes(count_ids: Sequence[int]) -> Mapping[int, Cause]:
    """Counts as the ledger names them."""
    rows = db.session.execute(sa.select(StockCount.id, StockCount.number).where(StockCount.id.in_(count_ids)))
    return {
        row.id: Cause(
            f"Count {row.number}", url_for("counting.count", count_id=row.id) if can("stock.view") else None
        )
        for row in rows
    }
