"""What is done to a return: request, approve, send, receive, inspect, settle or reject.

Each holds the order first and decides on the state that stands then, so a double click or two people do it once. Units that
came back lie in quarantine until someone looked at them; then they go on sale, stay apart, or are written off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.orders.book import change_order, insert_row, lock_order, next_n, of_order, tell
from portal.orders.changes.limits import rules
from portal.orders.changes.order_now import OrderNow, read_order
from portal.orders.changes.proposal import ChargeWish, LineWish, NewLineWish, Proposal, RefundWish
from portal.orders.changes.reasons import REASONS, REJECTIONS
from portal.orders.changes.services import Outcome, change_at_once
from portal.orders.changes.stock import first_location
from portal.orders.models import RETURN_KINDS, OrderLine, OrderReturn, OrderReturnLine
from portal.orders.returns.exchanging import let_new_goods_go, new_goods, packed_wishes
from portal.orders.returns.states import may_move
from portal.orders.returns.telling import LONGEST_MESSAGE, tell_approved, tell_rejected
from portal.orders.returns.withdrawal import refund_due, right_of
from portal.stock.bundles import parts_of
from portal.stock.services import Move, apply_moves

LONGEST_REASON: Final = 500
DEDUCTION: Final = "Deduction for wear"
FATES: Final = ("sale", "quarantine", "write_off")

_return: Final = OrderReturn.__table__
_row: Final = OrderReturnLine.__table__
_line: Final = OrderLine.__table__


def request_return(
    order_id: int, units: Mapping[int, int], *, kind: str, reason_code: str, note: str | None = None,
    wanted: Sequence[NewLineWish] = (), declared_at: dt.datetime | None = None, by: Actor,
) -> int:  # fmt: skip
    """A buyer wants to send units back; gives the number of the return within the order.

    Args:
        units: units by line.
        wanted: what an exchange shall bring instead; promised when it is approved.
        declared_at: when the buyer declared a withdrawal; now when None.

    Raises:
        DomainError: nothing is chosen, more than left and is charged for, or the time to withdraw is over.
    """
    if kind not in RETURN_KINDS:
        raise DomainError("Choose what kind of return it is.", field="kind")
    # A withdrawal needs no reason; it is one.
    reason_code = reason_code or ("withdrawal" if kind == "withdrawal" else "")
    _check_reason(kind, reason_code)
    if (kind == "exchange") != bool(wanted):
        raise DomainError("An exchange says what is sent instead, and only an exchange does.", field="wanted")
    now = read_order(lock_order(order_id))
    chosen = {n: count for n, count in units.items() if count}
    _check_units(now, chosen)
    said = declared_at or utc_now()
    if kind == "withdrawal":
        _check_right(order_id, said)
    n = next_n(_return, order_id)
    insert_row(
        _return, order_id, n=n, kind=kind, state="requested", reason_code=reason_code, wanted=packed_wishes(wanted),
        reason=(note or "").replace("\0", "").strip()[:LONGEST_REASON] or None, requested_at=utc_now(),
        declared_at=said if kind == "withdrawal" else None,
        refund_due_at=refund_due(said) if kind == "withdrawal" else None,
    )  # fmt: skip
    for line_n, count in chosen.items():
        insert_row(_row, order_id, return_n=n, line_n=line_n, quantity=count)
    change_order(order_id)
    _told(order_id, "return_requested", n, by, units=str(sum(chosen.values())))
    return n


def approve_return(order_id: int, n: int, *, tells_buyer: bool = False, by: Actor) -> None:
    """The goods may come. An exchange promises the new goods now, and charges them; the old ones are credited when they
    were inspected.

    Args:
        tells_buyer: write to the buyer what to do next.

    Raises:
        ConflictError: somebody decided already, or there is too little of the new goods.
        DomainError: the buyer shall be told, and the order has no e-mail address.
    """
    found = _moved(order_id, n, "approved", approved_at=utc_now())
    if found["kind"] == "exchange":
        outcome = change_at_once(order_id, new_goods(found), reason_code=found["reason_code"], by=by)
        _set(order_id, n, exchange_n=outcome.n)
    if tells_buyer:
        tell_approved(order_id, n, by=by)
    _told(order_id, "return_approved", n, by, **_mailed(tells_buyer))


def mark_sent_back(order_id: int, n: int, *, tracking_number: str | None, has_proof: bool, by: Actor) -> None:
    """The buyer sent the goods; with proof of it a withdrawal must be refunded in time even when they are not here yet."""
    _moved(
        order_id, n, "on_the_way", shipped_at=utc_now(),
        tracking_number=" ".join((tracking_number or "").replace("\0", "").split())[:80] or None,
        proof_at=utc_now() if has_proof else None,
    )  # fmt: skip
    _told(order_id, "return_sent", n, by)


def receive(order_id: int, n: int, units: Mapping[int, int], *, location_id: int | None, by: Actor) -> None:
    """Units arrived, all or some; they lie in quarantine until they are inspected. More may arrive later.

    Raises:
        DomainError: more than was announced, or nothing.
        ConflictError: nothing of this return is expected any more.
    """
    found = _return_of(order_id, n, lock=True)
    rows, counts = lines_of_return(order_id, n), {line_n: count for line_n, count in units.items() if count}
    if not counts or min(counts.values()) < 0:
        raise DomainError("Enter how many units arrived, for at least one line.", field="lines")
    known = {row["line_n"]: row for row in rows}
    for line_n, count in counts.items():
        left = known[line_n]["quantity"] - known[line_n]["received_quantity"] if line_n in known else 0
        if count > left:
            raise DomainError(f"Line {line_n}: only {left} more were announced.", field=f"line-{line_n}")
    place = location_id or found["location_id"] or first_location()
    _moved(order_id, n, "received", received_at=found["received_at"] or utc_now(), location_id=place)
    now = read_order(lock_order(order_id))
    moves: list[Move] = []
    for line_n, count in sorted(counts.items()):
        _add(order_id, n, line_n, received_quantity=count)
        db.session.execute(
            sa.update(_line)
            .where(of_order(_line, order_id), _line.c.n == line_n)
            .values(returned_quantity=_line.c.returned_quantity + count)
        )
        moves += _moves(now, line_n, place, count, "received")
    apply_moves(moves, by=by)
    _told(order_id, "return_received", n, by, units=str(sum(counts.values())))


def inspect(order_id: int, n: int, fates: Mapping[int, Mapping[str, int]], *, by: Actor) -> None:
    """Say of every unit that arrived what becomes of it: back on sale, kept apart, or written off.

    A return whose money went back already is over with this.

    Raises:
        DomainError: not every unit that arrived has a fate.
        ConflictError: nothing waits to be inspected.
    """
    found = _return_of(order_id, n, lock=True)
    now = read_order(lock_order(order_id))
    moves: list[Move] = []
    for row in lines_of_return(order_id, n):
        chosen = {fate: count for fate, count in fates.get(row["line_n"], {}).items() if count}
        if set(chosen) - set(FATES) or min(chosen.values(), default=0) < 0:
            raise DomainError("Choose what becomes of the units.", field=f"line-{row['line_n']}")
        if sum(chosen.values()) != row["received_quantity"]:
            raise DomainError(
                f"Line {row['line_n']}: {row['received_quantity']} arrived, so say of {row['received_quantity']} what becomes of them.",
                field=f"line-{row['line_n']}",
            )
        for fate, count in chosen.items():
            moves += _moves(now, row["line_n"], found["location_id"], count, fate)
        _add(
            order_id, n, row["line_n"], restocked_quantity=chosen.get("sale", 0),
            quarantined_quantity=chosen.get("quarantine", 0), written_off_quantity=chosen.get("write_off", 0),
        )  # fmt: skip
    _moved(order_id, n, "inspected", inspected_at=utc_now())
    apply_moves(moves, by=by)
    _told(order_id, "return_inspected", n, by)
    if found["settled_n"] is not None:
        _moved(order_id, n, "refunded", closed_at=utc_now())


def settlement(
    order_id: int,
    n: int,
    *,
    refund: RefundWish | None,
    deduction: Decimal = Decimal(0),
    with_delivery: bool | None = None,
) -> Proposal:
    """The change that settles a return: the units are not charged any more, a withdrawal's standard delivery neither.

    Args:
        deduction: what the buyer still owes for goods that were used beyond trying them.
        with_delivery: credit the standard delivery too; None does it for the withdrawal of a whole order.

    Raises:
        ConflictError: it was settled already, or the goods have to be inspected first.
    """
    found = _return_of(order_id, n)
    if found["settled_n"] is not None or not may_settle(found):
        raise ConflictError(
            "This return cannot be settled now. It was settled, or its goods are not inspected yet."
        )
    now = read_order(lock_order(order_id))
    counts = {
        row["line_n"]: row["received_quantity"] if found["received_at"] else row["quantity"]
        for row in lines_of_return(order_id, n)
    }
    lines = tuple(LineWish(line_n, take_back=count, fate="none") for line_n, count in counts.items() if count)
    whole = all(counts.get(line.n, 0) >= line.paid_units for line in now.lines if line.quantity > 0)
    back = (found["kind"] == "withdrawal" and whole) if with_delivery is None else with_delivery
    charges = _without_delivery(now) if back else ()
    if deduction:
        charges = (*charges, ChargeWish(deduction, kind="fee", label=DEDUCTION))
    kind = "exchange" if found["kind"] == "exchange" else "return"
    return Proposal(kind, lines=lines, charges=charges, refund=refund, return_n=n)


def settle_return(order_id: int, n: int, *, refund: RefundWish | None, by: Actor) -> Outcome:
    """Settle a return without a preview.

    Raises:
        DomainError: as ``settlement`` and the engine.
    """
    reason = _return_of(order_id, n)["reason_code"] or "other"
    return change_at_once(order_id, settlement(order_id, n, refund=refund), reason_code=reason, by=by)


def reject(
    order_id: int, n: int, *, reason_code: str = "other", goes_back: bool = False, tells_buyer: bool = False,
    message: str | None = None, by: Actor,
) -> None:  # fmt: skip
    """The goods are not taken back; nothing is credited. The new goods of an exchange are cancelled if they have not left.

    Args:
        goes_back: what arrived is sent back to the buyer: it leaves our shelves, and may come back by another return.
        tells_buyer: write to the buyer that it is refused, and why.
        message: what the mail says besides.

    Raises:
        DomainError: the reason is none of the list, or the buyer shall be told and there is no address or no reason to give.
        ConflictError: the money went back already, it is over, or what went on sale again was sold.
    """
    if reason_code not in REJECTIONS:
        raise DomainError("Choose a reason.", field="rejection")
    words = _message(message, reason_code) if tells_buyer else ""
    found = _return_of(order_id, n, lock=True)
    if found["settled_n"] is not None:
        raise ConflictError("The money of this return went back already, so it cannot be rejected.")
    _moved(order_id, n, "rejected", closed_at=utc_now())
    if goes_back and found["received_at"] is not None:
        _send_to_buyer(order_id, found, by)
    if found["exchange_n"] is not None:
        let_new_goods_go(order_id, found["exchange_n"], by=by)
    if tells_buyer:
        tell_rejected(order_id, n, reason_code=reason_code, message=words, by=by)
    _told(order_id, "return_rejected", n, by, rejection=reason_code, **_mailed(tells_buyer))


def require_as_seen(order_id: int, n: int, version: int) -> None:
    """Hold the order and refuse an act on a return that moved on since its page was drawn.

    Raises:
        ConflictError: a colleague, a stale tab or a second click.
    """
    if _return_of(order_id, n, lock=True)["version"] != version:
        raise ConflictError(
            "This return changed after the page was opened, so nothing more was done. See how it stands now."
        )


def may_settle(found: sa.RowMapping) -> bool:
    """Whether the money may go back now: the goods are inspected, or of a withdrawal are here or proved to be sent."""
    if found["state"] == "inspected":
        return True
    is_early = found["state"] in {"on_the_way", "received"}
    return found["kind"] == "withdrawal" and is_early and bool(found["proof_at"] or found["received_at"])


def lines_of_return(order_id: int, n: int) -> Sequence[sa.RowMapping]:
    """The lines of a return with their counts."""
    return db.session.execute(
        sa.select(_row).where(of_order(_row, order_id), _row.c.return_n == n).order_by(_row.c.line_n)
    ).mappings().all()  # fmt: skip


def returnable(order_id: int, now: OrderNow) -> dict[int, int]:
    """Units of each line that left, are charged for, and are in no return that is open."""
    open_rows = db.session.execute(
        sa.select(_row.c.line_n, sa.func.sum(_row.c.quantity).label("units"))
        .join(
            _return,
            sa.and_(
                _return.c.merchant_id == _row.c.merchant_id,
                _return.c.order_id == _row.c.order_id,
                _return.c.n == _row.c.return_n,
            ),
        )
        .where(
            of_order(_row, order_id),
            of_order(_return, order_id),
            _return.c.state.not_in(("refunded", "rejected")),
            _return.c.settled_n.is_(None),
        )
        .group_by(_row.c.line_n)
    )
    busy = {row.line_n: int(row.units) for row in open_rows}
    return {
        line.n: max(min(line.sent_paid, line.fulfilled - line.returned) - busy.get(line.n, 0), 0)
        for line in now.lines
        if line.quantity > 0
    }


def _check_reason(kind: str, reason_code: str) -> None:
    if reason_code in REASONS["exchange" if kind == "exchange" else "return"]:
        return
    if reason_code in REASONS["return"]:
        raise DomainError("This reason does not go with an exchange. Choose another.", field="reason_code")
    raise DomainError("Choose a reason.", field="reason_code")


def _check_units(now: OrderNow, chosen: Mapping[int, int]) -> None:
    if not chosen:
        raise DomainError("Enter how many units come back, for at least one line.", field="lines")
    possible = returnable(now.order_id, now)
    for n, count in chosen.items():
        if count < 0 or count > possible.get(n, 0):
            raise DomainError(f"Line {n}: {possible.get(n, 0)} can come back.", field=f"line-{n}")


def _check_right(order_id: int, said: dt.datetime) -> None:
    right = right_of(order_id)
    if said > utc_now() + dt.timedelta(minutes=5):
        raise DomainError("A withdrawal cannot have been declared in the future.", field="declared_on")
    if not right.holds_at(said):
        assert right.until is not None
        raise DomainError(
            f"The time to withdraw ended on {right.until:%-d %B %Y}. Record a return if you take it back anyway.",
            field="kind",
        )


def _without_delivery(now: OrderNow) -> tuple[ChargeWish, ...]:
    """Delivery is given back up to what the standard way costs; a dearer way was the buyer's choice."""
    shipping = [charge for charge in now.charges if charge.kind == "shipping" and charge.amount > 0]
    left = rules().standard_delivery
    wishes = []
    for charge in shipping:
        off = charge.amount if left is None else min(charge.amount, left)
        left = None if left is None else left - off
        wishes.append(ChargeWish(charge.amount - off, n=charge.n))
    return tuple(wishes)


def _send_to_buyer(order_id: int, found: sa.RowMapping, by: Actor) -> None:
    """Take what arrived off the shelves again; what was written off is not there any more."""
    now, moves = read_order(lock_order(order_id)), []
    is_inspected = found["inspected_at"] is not None
    for row in lines_of_return(order_id, found["n"]):
        apart = row["quarantined_quantity"] if is_inspected else row["received_quantity"]
        units = {"from_quarantine": apart, "from_sale": row["restocked_quantity"]}
        for step, count in units.items():
            moves += _moves(now, row["line_n"], found["location_id"], count, step) if count else []
        _add(
            order_id, found["n"], row["line_n"], quarantined_quantity=-row["quarantined_quantity"],
            restocked_quantity=-row["restocked_quantity"],
        )  # fmt: skip
        db.session.execute(
            sa.update(_line)
            .where(of_order(_line, order_id), _line.c.n == row["line_n"])
            .values(returned_quantity=_line.c.returned_quantity - sum(units.values()))
        )
    apply_moves(moves, by=by)


def _moves(now: OrderNow, line_n: int, place: int, count: int, step: str) -> list[Move]:
    """The movements of units of a line that arrived, that were inspected, or that go back to the buyer."""
    line = now.line(line_n)
    if line is None or line.variant_id is None or not line.is_counted:
        return []
    moves: list[Move] = []
    parts = parts_of([line.variant_id]).get(line.variant_id) or {line.variant_id: 1}
    for variant_id, each in parts.items():
        units = count * each
        base = Move(
            variant_id,
            place,
            "returned",
            cause_kind="order",
            cause_id=now.order_id,
            unavailable_kind="quarantine",
        )
        if step == "received":
            moves.append(replace(base, on_hand=units, unavailable_kind=None))
            moves.append(replace(base, kind="quarantined", unavailable=units))
        elif step == "from_quarantine":
            moves.append(replace(base, on_hand=-units, unavailable=-units))
        elif step == "from_sale":
            moves.append(replace(base, on_hand=-units, unavailable_kind=None))
        elif step == "sale":
            moves.append(replace(base, kind="unquarantined", unavailable=-units))
        elif step == "write_off":
            moves.append(replace(base, kind="written_off", on_hand=-units, unavailable=-units))
    return moves


def _moved(order_id: int, n: int, state: str, **values: Any) -> sa.RowMapping:
    """Take the return to *state*; gives it as it was before.

    Raises:
        ConflictError: it cannot go there from where it is now.
    """
    found = _return_of(order_id, n, lock=True)
    if not may_move(found["state"], state):
        words = found["state"].replace("_", " ")
        raise ConflictError(f"This return is {words} now; someone was quicker. Look at it again.")
    _set(order_id, n, state=state, **values)
    change_order(order_id)
    return found


def _set(order_id: int, n: int, **values: Any) -> None:
    db.session.execute(
        sa.update(_return)
        .where(of_order(_return, order_id), _return.c.n == n)
        .values(version=_return.c.version + 1, **values)
    )


def _add(order_id: int, n: int, line_n: int, **counts: int) -> None:
    db.session.execute(
        sa.update(_row)
        .where(of_order(_row, order_id), _row.c.return_n == n, _row.c.line_n == line_n)
        .values({name: _row.c[name] + count for name, count in counts.items()})
    )


def _return_of(order_id: int, n: int, *, lock: bool = False) -> sa.RowMapping:
    if lock:
        lock_order(order_id)
    found = db.session.execute(
        sa.select(_return).where(of_order(_return, order_id), _return.c.n == n)
    ).mappings().one_or_none()  # fmt: skip
    if found is None:
        raise NotFoundError("There is no such return of this order.")
    return found


def _message(text: str | None, reason_code: str) -> str:
    """What staff add to the mail of a rejection.

    Raises:
        DomainError: it is too long, or nothing else says why.
    """
    words = (text or "").replace("\0", "").strip()
    if len(words) > LONGEST_MESSAGE:
        raise DomainError(f"Keep it under {LONGEST_MESSAGE:,} characters.", field="message")
    if reason_code == "other" and not words:
        raise DomainError("Say why in your own words, or leave the mail out.", field="message")
    return words


def _mailed(tells_buyer: bool) -> dict[str, str]:
    return {"mail": "1"} if tells_buyer else {}


def _told(order_id: int, what: str, n: int, by: Actor, **data: str) -> None:
    tell(order_id, what, by, **{"return": str(n), **data})
