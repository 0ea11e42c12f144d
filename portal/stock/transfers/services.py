"""Plan a transfer, send it, receive it, or call it off.

Sending takes units off the source and makes them incoming at the destination; a receipt turns incoming units into units
on hand. What was lost on the way leaves the books with a reason, so that source, way and destination always add up.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.stock.models import StockTransfer, StockTransferLine
from portal.stock.papers import (
    MOST_LINES,
    names_of,
    require_place,
    require_reason,
    require_version,
    take_number,
    tell,
    typed_day,
    typed_key,
    typed_note,
)
from portal.stock.receiving import Arrival, begin_receipt, write_lines
from portal.stock.scanning import MOST_SCANNED, Scanned, scanned_variant
from portal.stock.services import Move, apply_moves
from portal.stock.shelves import Shelf, lock_shelves, spread

NOUN: Final = "transfer"
SUBJECT: Final = "stock_transfer"
CAUSE: Final = "transfer"


def create_transfer(values: Mapping[str, Any], *, by: Actor) -> StockTransfer:
    """A draft between two locations; nothing moves yet.

    Raises:
        DomainError: a location is missing, not in use, or both are the same.
    """
    transfer = StockTransfer(number=0, **_columns(values))
    transfer.number = take_number(NOUN)
    db.session.add(transfer)
    db.session.flush()
    tell("transfer.created", (SUBJECT, transfer.id), by=by, after=_audited(transfer))
    return transfer


def change_transfer(transfer: StockTransfer, values: Mapping[str, Any], *, version: int, by: Actor) -> None:
    """Change the head of a draft.

    Raises:
        DomainError: it was sent, someone changed it meanwhile, or a value is wrong.
    """
    _require_state(transfer, "draft", "This transfer was sent; only drafts can be changed.")
    require_version(transfer.version, version, NOUN)
    before = _audited(transfer)
    for name, value in _columns(values).items():
        setattr(transfer, name, value)
    db.session.flush()
    if _audited(transfer) != before:
        tell("transfer.changed", (SUBJECT, transfer.id), by=by, before=before, after=_audited(transfer))


def set_line(transfer: StockTransfer, variant_id: int, units: int, *, version: int, by: Actor) -> None:
    """Put so many units of a variant on a draft; 0 takes it off.

    Raises:
        DomainError: the transfer was sent or changed meanwhile, or the number is out of range.
    """
    _require_state(transfer, "draft", "This transfer was sent; only drafts can be changed.")
    require_version(transfer.version, version, NOUN)
    if not 0 <= units <= MOST_SCANNED:
        raise DomainError(f"A line holds up to {MOST_SCANNED:,} units.", field="units")
    line = line_of(transfer.id, variant_id)
    before = line.quantity if line else 0
    if line is None and units:
        _require_room(transfer.id)
        db.session.add(StockTransferLine(transfer_id=transfer.id, variant_id=variant_id, quantity=units))
    elif line is not None and units:
        line.quantity = units
    elif line is not None:
        db.session.delete(line)
    _touch(transfer)
    if before != units:
        tell(
            "transfer.line_set",
            (SUBJECT, transfer.id),
            by=by,
            before={"variant_id": variant_id, "units": before},
            after={"variant_id": variant_id, "units": units},
        )


def send(transfer: StockTransfer, *, version: int, by: Actor) -> None:
    """Take the units off the source and expect them at the destination.

    Raises:
        DomainError: it is empty, was sent, or was changed meanwhile.
        ConflictError: the source has too few available units of a variant; nothing moved.
    """
    _require_state(transfer, "draft", "This transfer was sent already.")
    require_version(transfer.version, version, NOUN)
    require_place(transfer.from_location_id, "from_location_id")
    require_place(transfer.to_location_id, "to_location_id")
    lines = lines_of(transfer.id)
    if not lines:
        raise DomainError("Put at least one variant on the transfer before you send it.", field="code")
    source, target = transfer.from_location_id, transfer.to_location_id
    places = [(line.variant_id, place) for line in lines for place in (source, target)]
    shelves = lock_shelves(places)
    moves, short = [], []
    for line in lines:
        parts, lacking = spread(shelves.get((line.variant_id, source), ()), line.quantity)
        if lacking:
            short.append((line.variant_id, line.quantity - lacking, line.quantity))
            continue
        moves += [
            _move(transfer, line.variant_id, source, on_hand=-units, slot=slot) for slot, units in parts
        ]
        moves.append(_move(transfer, line.variant_id, target, kind="expected", incoming=line.quantity))
    if short:
        raise ConflictError(_short_words(short))
    apply_moves(moves, by=by)
    transfer.state, transfer.sent_at = "in_transit", utc_now()
    db.session.flush()
    units = sum(line.quantity for line in lines)
    tell("transfer.sent", (SUBJECT, transfer.id), by=by, after={"lines": len(lines), "units": units})


def cancel(transfer: StockTransfer, *, by: Actor) -> None:
    """Call a draft off.

    Raises:
        ConflictError: it is on its way; what does not arrive is then booked as missing.
    """
    if transfer.state == "cancelled":
        return
    _require_state(
        transfer, "draft", "This transfer is on its way. Receive it, or book what is lost as missing."
    )
    transfer.state = "cancelled"
    db.session.flush()
    tell("transfer.cancelled", (SUBJECT, transfer.id), by=by)


def receive(transfer: StockTransfer, arrivals: Sequence[Arrival], *, token: uuid.UUID, by: Actor) -> bool:
    """Book what arrived. The same *token* books once; says whether it was booked now.

    Good units become on hand, damaged ones on hand and unavailable, missing ones leave the books. Extra units are taken
    off the source as far as it still has them, because that is where they came from; the rest is booked as found.

    Raises:
        DomainError: nothing was entered, a reason is missing, or the token was booked with other numbers.
        ConflictError: more than is outstanding; nothing was booked.
    """
    receipt_id = begin_receipt(token, "transfer", transfer.id, arrivals, by=by)
    if receipt_id is None:
        return False
    if not transfer.is_under_way:
        raise ConflictError("Nothing of this transfer is on its way.")
    said = [arrival for arrival in arrivals if not arrival.is_empty]
    for reason_id in sorted({one.reason_id for one in said if one.reason_id is not None}):
        require_reason(reason_id)
    lines = {line.variant_id: line for line in lines_of(transfer.id)}
    _require_outstanding(lines, said)
    _book(transfer, lines, said, by)
    write_lines(receipt_id, said, {})
    _settle(transfer, lines.values())
    tell(
        "transfer.received",
        (SUBJECT, transfer.id),
        by=by,
        after={
            part: sum(getattr(one, part) for one in said) for part in ("good", "damaged", "missing", "extra")
        },
    )
    return True


def receive_code(
    transfer: StockTransfer, code: str, units: int, *, token: uuid.UUID, by: Actor
) -> tuple[Scanned, StockTransferLine, bool]:
    """Book *units* good units of what was scanned; gives the line as it stands then, and whether it was booked now.

    Raises:
        UnknownCodeError: no variant has the code.
        DomainError: the variant is not on the transfer, or so many are not outstanding.
    """
    found = scanned_variant(code)
    if line_of(transfer.id, found.variant_id) is None:
        raise DomainError(
            f"{found.sku} is not on this transfer. Enter it as extra if it came along.", field="code"
        )
    booked = receive(transfer, [Arrival(found.variant_id, good=units)], token=token, by=by)
    line = line_of(transfer.id, found.variant_id)
    assert line is not None
    return found, line, booked


def outstanding_arrivals(transfer: StockTransfer, *, missing_reason: int | None = None) -> list[Arrival]:
    """All that is outstanding, arrived; with a reason, lost."""
    return [
        Arrival(line.variant_id, good=line.outstanding)
        if missing_reason is None
        else Arrival(line.variant_id, missing=line.outstanding, reason_id=missing_reason)
        for line in lines_of(transfer.id)
        if line.outstanding
    ]


def lines_of(transfer_id: int) -> Sequence[StockTransferLine]:
    """The lines, in one order for everybody."""
    return db.session.scalars(
        sa.select(StockTransferLine)
        .where(StockTransferLine.transfer_id == transfer_id)
        .order_by(StockTransferLine.variant_id)
        .execution_options(populate_existing=True)
    ).all()


def line_of(transfer_id: int, variant_id: int) -> StockTransferLine | None:
    """The line of a variant, where it has one."""
    return db.session.get(
        StockTransferLine, (current_merchant_id(), transfer_id, variant_id), populate_existing=True
    )


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    source = require_place(
        typed_key(values.get("from_location_id"), "from_location_id", "The location"), "from_location_id"
    )
    target = require_place(
        typed_key(values.get("to_location_id"), "to_location_id", "The location"), "to_location_id"
    )
    if source == target:
        raise DomainError("Choose two different locations.", field="to_location_id")
    return {
        "from_location_id": source,
        "to_location_id": target,
        "expected_on": typed_day(values.get("expected_on"), "expected_on", "The day"),
        "note": typed_note(values.get("note")),
    }


def _audited(transfer: StockTransfer) -> dict[str, Any]:
    names = ("from_location_id", "to_location_id", "expected_on", "note")
    return {name: getattr(transfer, name) for name in names}


def _require_state(transfer: StockTransfer, state: str, message: str) -> None:
    if transfer.state != state:
        raise ConflictError(message)


def _require_room(transfer_id: int) -> None:
    count = sa.select(sa.func.count()).where(
        StockTransferLine.merchant_id == current_merchant_id(), StockTransferLine.transfer_id == transfer_id
    )
    if (db.session.scalar(count) or 0) >= MOST_LINES:
        raise DomainError(f"A transfer holds up to {MOST_LINES:,} variants. Begin another one.", field="code")


def _require_outstanding(lines: Mapping[int, StockTransferLine], said: Iterable[Arrival]) -> None:
    over = []
    for one in said:
        line = lines.get(one.variant_id)
        if one.good + one.damaged + one.missing > (line.outstanding if line else 0):
            over.append((one.variant_id, line.outstanding if line else 0))
    if over:
        names = names_of(variant_id for variant_id, _ in over)
        words = ", ".join(f"{names[key].sku}: {left:,}" for key, left in over[:5])
        raise ConflictError(
            f"More than is outstanding ({words}). Someone may have received it meanwhile; what came unasked is entered as extra.",
        )


def _book(
    transfer: StockTransfer, lines: dict[int, StockTransferLine], said: Sequence[Arrival], by: Actor
) -> None:
    source, target = transfer.from_location_id, transfer.to_location_id
    places = [(one.variant_id, target) for one in said] + [
        (one.variant_id, source) for one in said if one.extra
    ]
    shelves = lock_shelves(places)
    moves: list[Move] = []
    for one in said:
        moves += _arrival_moves(transfer, one, shelves.get((one.variant_id, source), []))
        line = lines.get(one.variant_id)
        if line is None:
            line = StockTransferLine(
                transfer_id=transfer.id,
                variant_id=one.variant_id,
                quantity=0,
                received=0,
                damaged=0,
                missing=0,
                extra=0,
            )
            lines[one.variant_id] = line
            db.session.add(line)
        line.received += one.good
        line.damaged += one.damaged
        line.missing += one.missing
        line.extra += one.extra
    apply_moves(moves, by=by)
    db.session.flush()


def _arrival_moves(transfer: StockTransfer, one: Arrival, at_source: Sequence[Shelf]) -> list[Move]:
    source, target = transfer.from_location_id, transfer.to_location_id
    moves = []
    if one.good:
        moves.append(_move(transfer, one.variant_id, target, on_hand=one.good, incoming=-one.good))
    if one.damaged:
        moves.append(
            _move(
                transfer,
                one.variant_id,
                target,
                on_hand=one.damaged,
                unavailable=one.damaged,
                incoming=-one.damaged,
                unavailable_kind="damaged",
                reason_id=one.reason_id,
            )
        )
    if one.missing:
        moves.append(
            _move(
                transfer,
                one.variant_id,
                target,
                kind="written_off",
                incoming=-one.missing,
                reason_id=one.reason_id,
            )
        )
    if one.extra:
        parts, unexplained = spread(at_source, one.extra)
        known = one.extra - unexplained
        moves += [
            _move(transfer, one.variant_id, source, on_hand=-units, slot=slot, reason_id=one.reason_id)
            for slot, units in parts
        ]
        if known:
            moves.append(_move(transfer, one.variant_id, target, on_hand=known, reason_id=one.reason_id))
        if unexplained:
            moves.append(
                _move(
                    transfer,
                    one.variant_id,
                    target,
                    kind="adjusted",
                    on_hand=unexplained,
                    reason_id=one.reason_id,
                )
            )
    return moves


def _move(
    transfer: StockTransfer, variant_id: int, location_id: int, *, kind: str = "transferred", **values: Any
) -> Move:
    return Move(variant_id, location_id, kind, cause_kind=CAUSE, cause_id=transfer.id, **values)


def _settle(transfer: StockTransfer, lines: Iterable[StockTransferLine]) -> None:
    if any(line.outstanding for line in lines):
        transfer.state = "partly_received"
        _touch(transfer)
        return
    transfer.state, transfer.received_at = "received", utc_now()
    db.session.flush()


def _touch(transfer: StockTransfer) -> None:
    """Every change of a line is a change of the paper: pages opened before it are out of date."""
    transfer.updated_at = utc_now()
    db.session.flush()


def _short_words(short: Sequence[tuple[int, int, int]]) -> str:
    names = names_of(variant_id for variant_id, _, _ in short)
    words = "; ".join(f"{names[key].sku}: {there:,} of {wanted:,}" for key, there, wanted in short[:5])
    more = f" and {len(short) - 5:,} more" if len(short) > 5 else ""
    return f"The source does not have enough available units ({words}{more}). Nothing was sent."
