"""Collect in store, and goods handed over at once. A collection waits for its buyer so many days, then it is given up."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.orders.allocation import release_lines
from portal.orders.book import change_order, lines_of, lock_order, of_order, tell
from portal.orders.changes.proposal import LineWish, Proposal, RefundWish
from portal.orders.changes.services import begin
from portal.orders.fulfilment.leaving import check_units, let_leave, set_apart
from portal.orders.fulfilment.parcels import contents_of, move_parcel, parcel_of, plan_parcel
from portal.orders.fulfilment.settings import fulfilment_settings
from portal.orders.models import OrderFulfilment, OrderLine

# Without letters and digits that look alike when read aloud or from a phone.
LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH: Final = 6
AT_ONCE: Final = 100
NOT_COLLECTED: Final = "Not collected in time: give the money back"

_parcel, _line = OrderFulfilment.__table__, OrderLine.__table__


def set_ready(order_id: int, quantities: Mapping[int, int], *, location_id: int | None, by: Actor) -> int:
    """Units lie ready for the buyer to collect; gives the parcel's number. The buyer gets a code.

    Raises:
        DomainError, ConflictError: as ``plan_parcel``.
    """
    n = plan_parcel(order_id, quantities, method="collect", location_id=location_id, by=by, is_told=False)
    make_ready(order_id, n, by=by)
    return n


def make_ready(order_id: int, n: int, *, by: Actor) -> None:
    """A planned or packed collection is ready.

    Raises:
        ConflictError: it is no collection, or is past this step, or the order is not open.
    """
    head = lock_order(order_id)
    if head["state"] != "open":
        raise ConflictError(f"The order is {head['state'].replace('_', ' ')}; nothing of it may leave.")
    if parcel_of(order_id, n)["method"] != "collect":
        raise ConflictError("This parcel is sent, not collected.")
    now = utc_now()
    move_parcel(
        order_id, n, "ready", {"pending", "picking", "packed"}, ready_at=now, pickup_code=new_code(),
        collect_by=now + dt.timedelta(days=fulfilment_settings().collect_days),
    )  # fmt: skip
    change_order(order_id)
    tell(order_id, "ready", by, parcel=str(n))


def hand_out(order_id: int, n: int, code: str, *, by: Actor) -> None:
    """The buyer came and told the code: the goods are theirs.

    Raises:
        DomainError: it is another code.
        ConflictError: it was collected or given up already.
    """
    head = lock_order(order_id)
    row = parcel_of(order_id, n)
    if row["state"] == "ready":
        typed = "".join(code.upper().split()).encode()
        if not hmac.compare_digest(typed, (row["pickup_code"] or "").encode()):
            raise DomainError("This is not the code of this collection.", field="code")
        if head["state"] != "open":
            raise ConflictError(f"The order is {head['state'].replace('_', ' ')}; nothing of it may leave.")
    now = utc_now()
    move_parcel(
        order_id,
        n,
        "collected",
        {"ready"},
        shipped_at=now,
        delivered_at=now,
        pickup_code=None,
        collect_by=None,
    )
    _leave(order_id, n, by)
    tell(order_id, "collected", by, parcel=str(n), units=str(sum(contents_of(order_id, n).values())))


def hand_over(order_id: int, quantities: Mapping[int, int], *, location_id: int | None, by: Actor) -> int:
    """The buyer takes units with them at once; gives the parcel's number.

    Raises:
        DomainError, ConflictError: as ``plan_parcel``.
    """
    n = plan_parcel(order_id, quantities, method="hand_over", location_id=location_id, by=by, is_told=False)
    now = utc_now()
    move_parcel(order_id, n, "delivered", {"pending"}, shipped_at=now, delivered_at=now)
    _leave(order_id, n, by)
    tell(order_id, "handed_over", by, parcel=str(n), units=str(sum(quantities.values())))
    return n


def give_up(order_id: int, n: int, *, by: Actor) -> None:
    """Nobody came: the units go back on sale, and giving the money back is proposed for a person to confirm.

    Raises:
        ConflictError: it was collected or given up already, or the order is over: it would live again on hold.
    """
    state = lock_order(order_id)["state"]
    if state not in ("open", "on_hold"):
        raise ConflictError(f"The order is {state}; what lay ready of it goes back by itself.")
    move_parcel(order_id, n, "uncollected", {"ready"}, pickup_code=None, collect_by=None)
    units = contents_of(order_id, n)
    release_lines(order_id, units, by=by)
    head = lock_order(order_id)
    change_order(order_id, state="on_hold", hold_reason=head["hold_reason"] or NOT_COLLECTED)
    tell(order_id, "uncollected", by, parcel=str(n), units=str(sum(units.values())))
    wish = Proposal(
        "cancel",
        lines=tuple(LineWish(line_n, cancel=quantity) for line_n, quantity in sorted(units.items())),
        refund=RefundWish() if head["captured_total"] > head["refunded_total"] else None,
    )
    try:
        with db.session.begin_nested():
            begin(order_id, wish, reason_code="other", note="Not collected in time", by=by)
    except DomainError as error:
        tell(order_id, "refund_not_proposed", by, why=error.message[:200])


def collections_due() -> Sequence[sa.Row[Any, Any]]:
    """Collections whose time is over: order and parcel, some at a time."""
    return db.session.execute(
        sa.select(_parcel.c.order_id, _parcel.c.n)
        .where(
            _parcel.c.merchant_id == current_merchant_id(),
            _parcel.c.state == "ready",
            _parcel.c.collect_by <= sa.func.now(),
        )
        .order_by(_parcel.c.collect_by)
        .limit(AT_ONCE)
    ).all()


def give_more_time(order_id: int, n: int, days: int, *, by: Actor) -> None:
    """Keep a collection ready for so many more days.

    Raises:
        DomainError: the days are not from 1 to 90.
        ConflictError: it is not ready to collect.
    """
    if not 1 <= days <= 90:
        raise DomainError("Choose 1 to 90 days.", field="days")
    lock_order(order_id)
    moved = db.session.execute(
        sa.update(_parcel)
        .where(of_order(_parcel, order_id), _parcel.c.n == n, _parcel.c.state == "ready")
        .values(collect_by=sa.func.greatest(_parcel.c.collect_by, sa.func.now()) + dt.timedelta(days=days))
        .returning(_parcel.c.n)
    ).first()
    if moved is None:
        raise ConflictError("This collection is not waiting any more. See how it stands now.")
    change_order(order_id)
    tell(order_id, "collection_extended", by, parcel=str(n), days=str(days))


def new_code() -> str:
    """A word for one collection: thirty-one signs, six of them, no two that look alike."""
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))


def _leave(order_id: int, n: int, by: Actor) -> None:
    units = contents_of(order_id, n)
    lines = {line["n"]: line for line in lines_of(order_id)}
    check_units(lines, units, set_apart(order_id, but=n))
    let_leave(order_id, lines, units, location_id=parcel_of(order_id, n)["location_id"], by=by)
