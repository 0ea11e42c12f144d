"""Put what is scanned on a draft transfer, each scan at once."""

from __future__ import annotations

import uuid

from portal.core.audit import Actor
from portal.stock.draft_scans import Drafted, is_first, left_after, take_back
from portal.stock.models import StockTransfer
from portal.stock.papers import names_of
from portal.stock.scanning import scanned_goods
from portal.stock.transfers.services import line_of, set_line


def scan_onto(transfer: StockTransfer, code: str, units: int, *, token: uuid.UUID, by: Actor) -> Drafted:
    """Add units of what was scanned to a draft. The same *token* adds once.

    Raises:
        UnknownCodeError: no variant, or more than one, has the code.
        DomainError: the transfer was sent, or the line or the transfer can hold no more.
    """
    found = scanned_goods(code)
    held = _held(transfer, found.variant_id)
    if not is_first(token, ("transfer", transfer.id), found.variant_id, units, adds=units, by=by):
        return Drafted(found, held, False)
    set_line(transfer, found.variant_id, held + units, version=transfer.version, by=by)
    return Drafted(found, held + units, True)


def undo_scan(transfer: StockTransfer, token: uuid.UUID, *, by: Actor) -> Drafted:
    """Take off what a scan had added; undoing it twice takes it off once.

    Raises:
        NotFoundError: the draft has no such scan.
        ConflictError: the transfer was sent, or its line was changed and holds fewer units now.
    """
    variant_id, units = take_back(token, ("transfer", transfer.id))
    found, held = names_of([variant_id])[variant_id], _held(transfer, variant_id)
    if not units:
        return Drafted(found, held, False)
    left = left_after(found, held, units)
    set_line(transfer, variant_id, left, version=transfer.version, by=by)
    return Drafted(found, left, True)


def _held(transfer: StockTransfer, variant_id: int) -> int:
    line = line_of(transfer.id, variant_id)
    return line.quantity if line else 0
