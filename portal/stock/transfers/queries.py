"""Read transfers: lines with their names, totals for the list, names for the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import url_for

from portal.core.database import current_merchant_id, db
from portal.core.http import can
from portal.core.listing import execute
from portal.stock.causes import Cause
from portal.stock.models import StockTransfer, StockTransferLine
from portal.stock.papers import names_of
from portal.stock.scanning import Scanned
from portal.stock.shelves import available_at
from portal.stock.transfers.services import lines_of

_line = StockTransferLine.__table__.c


@dataclass(frozen=True, slots=True)
class TransferRow:
    """A line as the page shows it; ``available`` are units at the source, for drafts."""

    variant: Scanned
    line: StockTransferLine
    available: int | None


def transfer_rows(transfer: StockTransfer) -> list[TransferRow]:
    """The lines by SKU; a draft says what the source has."""
    lines = lines_of(transfer.id)
    names = names_of(line.variant_id for line in lines)
    at_source: Mapping[tuple[int, int], int] = {}
    if transfer.state == "draft":
        at_source = available_at((line.variant_id, transfer.from_location_id) for line in lines)
    rows = [
        TransferRow(
            names[line.variant_id],
            line,
            at_source.get((line.variant_id, transfer.from_location_id), 0)
            if transfer.state == "draft"
            else None,
        )
        for line in lines
    ]
    return sorted(rows, key=lambda row: row.variant.sku)


def totals_of(transfer_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Units sent and outstanding, for a page of the list."""
    outstanding = _line.quantity - _line.received - _line.damaged - _line.missing
    statement = (
        sa.select(
            _line.transfer_id,
            sa.func.sum(_line.quantity).label("units"),
            sa.func.sum(outstanding).label("outstanding"),
            sa.func.sum(_line.damaged + _line.missing + _line.extra).label("differences"),
        )
        .where(_line.merchant_id == current_merchant_id(), _line.transfer_id.in_(transfer_ids))
        .group_by(_line.transfer_id)
    )
    found = {
        row.transfer_id: {
            "units": int(row.units),
            "outstanding": int(row.outstanding),
            "differences": int(row.differences),
        }
        for row in execute(statement)
    }
    nothing = {"units": 0, "outstanding": 0, "differences": 0}
    return {key: found.get(key, nothing) for key in transfer_ids}


def transfer_causes(transfer_ids: Sequence[int]) -> Mapping[int, Cause]:
    """Transfers as the ledger names them."""
    rows = db.session.execute(
        sa.select(StockTransfer.id, StockTransfer.number).where(StockTransfer.id.in_(transfer_ids))
    )
    return {
        row.id: Cause(
            f"Transfer {row.number}",
            url_for("transfers.transfer", transfer_id=row.id) if can("stock.view") else None,
        )
        for row in rows
    }
