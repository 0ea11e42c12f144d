"""What staff do to an order: hold it, send it, take money, cancel it, tag and annotate it.

Each locks the order first and decides on what stands then, so a double click or a stale tab changes nothing twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core import audit, normalise
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.money import minor_units
from portal.orders.book import (
    change_order,
    insert_row,
    lines_of,
    lock_order,
    next_n,
    of_order,
    promise_lines,
    tell,
)
from portal.orders.models import (
    OrderFulfilment,
    OrderFulfilmentLine,
    OrderLine,
    OrderNote,
    OrderPayment,
    OrderTag,
)
from portal.orders.outside import record_cancellation
from portal.stock.services import Move, apply_moves

LONGEST_NOTE: Final = 5_000
LONGEST_TAG: Final = 40
MOST_TAGS: Final = 30

_line, _note, _payment, _tag = (model.__table__ for model in (OrderLine, OrderNote, OrderPayment, OrderTag))
_parcel = OrderFulfilment.__table__


def hold_order(order_id: int, reason: str, *, by: Actor) -> None:
    """Keep an open order back; its stock stays promised.

    Raises:
        DomainError: there is no reason.
        ConflictError: the order is not open any more.
    """
    typed = _one_line(reason, 200)
    if not typed:
        raise DomainError("Say why the order must wait.", field="reason")
    if lock_order(order_id)["state"] != "open":
        raise ConflictError("Only an open order can be put on hold. It changed since you looked.")
    change_order(order_id, state="on_hold", hold_reason=typed)
    tell(order_id, "held", by, hold_reason=typed)


def release_order(order_id: int, *, by: Actor) -> Sequence[str]:
    """Let a held order go on, promising what is not promised yet; gives the SKUs that are still short.

    Raises:
        ConflictError: the order is not on hold.
    """
    if lock_order(order_id)["state"] != "on_hold":
        raise ConflictError("The order is not on hold any more.")
    short = promise_lines(order_id, by)
    reason = f"Not enough stock: {', '.join(short)}" if short else None
    change_order(order_id, state="on_hold" if short else "open", hold_reason=reason)
    tell(order_id, "hold_changed" if short else "released", by, **({"hold_reason": reason} if reason else {}))
    return short


def cancel_order(order_id: int, *, by: Actor) -> None:
    """Cancel what has not left; its units go back on sale. Money stays as it is: giving it back is an act of its own.

    Raises:
        ConflictError: it is cancelled already, or everything has left.
    """
    head = lock_order(order_id)
    if head["state"] == "cancelled":
        raise ConflictError("The order is cancelled already.")
    if head["fulfilment_state"] == "fulfilled":
        raise ConflictError("Everything of this order has left. What comes back is a return.")
    if head["state"] == "closed":
        raise ConflictError("The order is closed; there is nothing left of it to cancel.")
    record_cancellation(order_id, by=by)


def ship_lines(
    order_id: int,
    quantities: Mapping[int, int],
    *,
    carrier: str | None,
    tracking_number: str | None,
    by: Actor,
) -> int:
    """Send units of lines as one parcel; gives the parcel's number within the order.

    Args:
        quantities: units by line number; lines with 0 stay.

    Raises:
        DomainError: nothing is chosen, or more of a line than is left to send.
        ConflictError: the order is on hold, cancelled, or all sent; or units were never promised.
    """
    head = lock_order(order_id)
    if head["state"] != "open":
        raise ConflictError(f"The order is {head['state'].replace('_', ' ')}; nothing of it may leave.")
    lines = {line["n"]: line for line in lines_of(order_id)}
    chosen = {n: units for n, units in quantities.items() if units}
    _check_units(lines, chosen)
    parcel = next_n(_parcel, order_id)
    places = {lines[n]["location_id"] for n in chosen}
    insert_row(
        _parcel, order_id, n=parcel, state="shipped", method="ship",
        location_id=places.pop() if len(places) == 1 else None, carrier=_one_line(carrier, 80) or None,
        tracking_number=_one_line(tracking_number, 80) or None, tracking_key=normalise.tracking_key(tracking_number),
        shipped_at=utc_now(),
    )  # fmt: skip
    for n, units in chosen.items():
        insert_row(OrderFulfilmentLine.__table__, order_id, fulfilment_n=parcel, line_n=n, quantity=units)
    _take_from_stock(order_id, lines, chosen, by)
    _close_when_sent(order_id, lines, chosen)
    tell(order_id, "shipped", by, parcel=str(parcel), units=str(sum(chosen.values())))
    return parcel


def mark_delivered(order_id: int, parcel: int, *, by: Actor) -> None:
    """A parcel arrived. Saying so twice changes nothing."""
    lock_order(order_id)
    arrived = db.session.execute(
        sa.update(_parcel)
        .where(of_order(_parcel, order_id), _parcel.c.n == parcel, _parcel.c.state == "shipped")
        .values(state="delivered", delivered_at=utc_now())
    )
    if arrived.rowcount:  # type: ignore[attr-defined]
        tell(order_id, "delivered", by, parcel=str(parcel))


def take_payment(order_id: int, amount: Decimal, *, method: str, reference: str | None, by: Actor) -> None:
    """Record money that came in outside a gateway: cash, a bank transfer.

    Raises:
        DomainError: the amount is not above zero, has too many decimals, or is more than is due.
        ConflictError: the order is cancelled.
    """
    head = lock_order(order_id)
    due, decimals = head["total"] - head["captured_total"], minor_units(head["currency"])
    if head["state"] == "cancelled":
        raise ConflictError("The order is cancelled; no money may be taken for it.")
    if due <= 0:
        raise ConflictError("Nothing is due on this order any more.")
    if amount <= 0:
        raise DomainError("Enter an amount above zero.", field="amount")
    if amount != round(amount, decimals):
        raise DomainError(f"{head['currency']} is paid with {decimals or 'no'} decimals.", field="amount")
    if amount > due:
        raise DomainError(
            f"That is more than the {due:.{decimals}f} {head['currency']} still due.", field="amount"
        )
    insert_row(
        _payment, order_id, n=next_n(_payment, order_id), state="captured", method=_one_line(method, 40) or "other",
        gateway="manual", gateway_reference=_one_line(reference, 80) or None, amount=amount, captured_amount=amount,
        currency=head["currency"], at=utc_now(),
    )  # fmt: skip
    change_order(
        order_id,
        captured_total=head["captured_total"] + amount,
        payment_state=_payment_state(is_all=amount == due, is_refunded=head["refunded_total"] > 0),
    )
    tell(order_id, "paid", by, amount=str(amount), currency=head["currency"])


def add_note(order_id: int, body: str, *, is_internal: bool, subject_id: int | None, by: Actor) -> None:
    """Write on the order, for the team or for the customer to read. A second click within a minute adds nothing.

    Raises:
        DomainError: the note is empty or too long.
    """
    text = body.replace("\0", "").strip()
    if not text:
        raise DomainError("Write something first.", field="body")
    if len(text) > LONGEST_NOTE:
        raise DomainError(f"Keep a note under {LONGEST_NOTE:,} characters.", field="body")
    lock_order(order_id)
    if _is_said_already(order_id, text, is_internal, by):
        return
    insert_row(
        _note, order_id, body=text, is_internal=is_internal, actor_kind=by.kind, actor_id=by.id, at=utc_now()
    )
    audit.record(
        action="order.note_added", by=by, subject=("order", order_id), after={"body": text, "is_internal": is_internal},
        data_subject_id=subject_id,
    )  # fmt: skip


def add_tag(order_id: int, tag: str, *, by: Actor) -> bool:
    """Tag the order; gives whether the tag was new to it.

    Raises:
        DomainError: the tag is empty or too long, or the order has thirty.
    """
    word = checked_tag(tag)
    merchant_id = current_merchant_id()
    held = db.session.execute(
        sa.select(sa.func.count()).select_from(_tag).where(of_order(_tag, order_id))
    ).scalar_one()
    if held >= MOST_TAGS:
        raise DomainError(f"An order can have {MOST_TAGS} tags.", field="tag")
    made = db.session.execute(
        postgresql.insert(_tag).values(merchant_id=merchant_id, order_id=order_id, tag=word)
        .on_conflict_do_nothing().returning(_tag.c.tag)
    ).first()  # fmt: skip
    if made:
        audit.record(action="order.tagged", by=by, subject=("order", order_id), after={"tag": word})
    return made is not None


def remove_tag(order_id: int, tag: str, *, by: Actor) -> None:
    """Take a tag off; an order without it stays as it is."""
    tag = tag.replace("\0", "")
    gone = db.session.execute(
        sa.delete(_tag).where(of_order(_tag, order_id), _tag.c.tag == tag).returning(_tag.c.tag)
    ).first()
    if gone:
        audit.record(action="order.untagged", by=by, subject=("order", order_id), before={"tag": tag})


def checked_tag(tag: str) -> str:
    """The tag as it is kept.

    Raises:
        DomainError: it is empty or too long, or holds a comma.
    """
    word = _one_line(tag, LONGEST_TAG + 1)
    if not word or len(word) > LONGEST_TAG or "," in word:
        raise DomainError(f"A tag has 1 to {LONGEST_TAG} characters and no comma.", field="tag")
    return word


def require_unchanged(order_id: int, version: int) -> None:
    """Hold the order and refuse an act that counts on figures of a page which are no longer true.

    A second click, a stale tab and a colleague who was quicker all end here.

    Raises:
        ConflictError: the order changed since it had that version.
    """
    if lock_order(order_id)["version"] != version:
        raise ConflictError(
            "This order changed after the page was opened, so nothing more was done. See how it stands now."
        )


def _payment_state(*, is_all: bool, is_refunded: bool) -> str:
    if is_refunded:
        return "part_refunded"
    return "paid" if is_all else "part_paid"


def _is_said_already(order_id: int, text: str, is_internal: bool, by: Actor) -> bool:
    same = sa.select(_note.c.n).where(
        of_order(_note, order_id),
        _note.c.body == text,
        _note.c.is_internal == is_internal,
        _note.c.actor_kind == by.kind,
        _note.c.actor_id.is_not_distinct_from(by.id),
        _note.c.at > utc_now() - dt.timedelta(minutes=1),
    )
    return db.session.execute(same.limit(1)).first() is not None


def _check_units(lines: Mapping[int, sa.RowMapping], chosen: Mapping[int, int]) -> None:
    if not chosen:
        raise DomainError("Enter how many units leave, for at least one line.", field="lines")
    for n, units in chosen.items():
        line = lines.get(n)
        left = (
            0 if line is None else line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"]
        )
        if line is None or units < 0 or units > left:
            raise DomainError(f"Line {n}: {left} are left to send.", field=f"line-{n}")
        if line["is_counted"] and units > line["allocated_quantity"]:
            raise ConflictError(
                f"{line['sku']}: only {line['allocated_quantity']} are promised to this order. Release its hold first."
            )


def _take_from_stock(
    order_id: int, lines: Mapping[int, sa.RowMapping], chosen: Mapping[int, int], by: Actor
) -> None:
    apply_moves(
        [
            Move(lines[n]["variant_id"], lines[n]["location_id"], "sold", on_hand=-units, allocated=-units,
                 cause_kind="order", cause_id=order_id)
            for n, units in chosen.items() if lines[n]["allocated_quantity"]
        ],
        by=by,
    )  # fmt: skip
    for n, units in chosen.items():
        db.session.execute(
            sa.update(_line).where(of_order(_line, order_id), _line.c.n == n).values(
                fulfilled_quantity=_line.c.fulfilled_quantity + units,
                allocated_quantity=sa.func.greatest(_line.c.allocated_quantity - units, 0),
            )
        )  # fmt: skip


def _close_when_sent(order_id: int, lines: Mapping[int, sa.RowMapping], chosen: Mapping[int, int]) -> None:
    left = sum(
        line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"] - chosen.get(n, 0)
        for n, line in lines.items() if line["quantity"] > 0
    )  # fmt: skip
    if left:
        change_order(order_id, fulfilment_state="part_fulfilled")
    else:
        change_order(order_id, fulfilment_state="fulfilled", state="closed", closed_at=utc_now())


def _one_line(text: str | None, longest: int) -> str:
    return " ".join((text or "").replace("\0", "").split())[:longest]
