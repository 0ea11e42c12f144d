"""Keep an order back, and let it go on: by hand, on a date, when it is paid, or when everything is in stock.

An order may be held for several reasons at once; it goes on when the last hold has ended. What is promised to it stays
promised. Holds that a connector or allocation set have no row of their own: they end by hand, or by their own rule.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.orders.allocation import promise_lines
from portal.orders.book import change_order, insert_row, lines_of, lock_order, of_order, one_line, tell
from portal.orders.models import HOLD_RULES, OrderHold
from portal.orders.shortfalls.services import reconcile

RULE_WORDS: Final = {
    "by_hand": "until someone releases it",
    "on_date": "until a date",
    "when_paid": "until it is paid",
    "when_in_stock": "until everything is in stock",
}
PAID: Final = ("paid", "part_refunded", "refunded")
AT_ONCE: Final = 200

_hold: Final = OrderHold.__table__


def hold_order(
    order_id: int, reason: str, *, rule: str = "by_hand", until: dt.datetime | None = None, by: Actor
) -> None:
    """Keep an order back; its stock stays promised. A second hold for the same reason changes nothing.

    Args:
        rule: what ends it, one of ``HOLD_RULES``.
        until: for ``on_date``, the moment at which it ends.

    Raises:
        DomainError: there is no reason, or no date ahead for a hold that ends on one.
        ConflictError: the order is not open any more.
    """
    typed = one_line(reason, 200)
    if not typed:
        raise DomainError("Say why the order must wait.", field="reason")
    if rule not in HOLD_RULES:
        raise DomainError("Choose what ends the hold.", field="rule")
    if rule == "on_date" and (until is None or until <= utc_now()):
        raise DomainError("Choose a day ahead.", field="until")
    head = lock_order(order_id)
    if head["state"] not in ("open", "on_hold"):
        raise ConflictError("Only an open order can be put on hold. It changed since you looked.")
    if rule == "when_paid" and head["payment_state"] in PAID:
        raise ConflictError("The order is paid already, so this hold would end at once.")
    if any(each["reason"] == typed for each in standing_holds(order_id)):
        raise ConflictError("The order is on hold for this reason already.")
    insert_row(
        _hold, order_id, reason=typed, rule=rule, until=until if rule == "on_date" else None, at=utc_now(), actor_kind=by.kind,
        actor_id=by.id,
    )  # fmt: skip
    change_order(order_id, state="on_hold", hold_reason=head["hold_reason"] or typed)
    tell(order_id, "held", by, hold_reason=typed, rule=rule)


def release_order(order_id: int, *, by: Actor) -> Sequence[str]:
    """Let a held order go on, whatever it was held for, promising what is not promised yet; gives the SKUs still short.

    Raises:
        ConflictError: the order is not on hold.
    """
    if lock_order(order_id)["state"] != "on_hold":
        raise ConflictError("The order is not on hold any more.")
    _end(order_id, [each["n"] for each in standing_holds(order_id)], by)
    return _go_on(order_id, by)


def end_hold(order_id: int, n: int, *, by: Actor) -> Sequence[str]:
    """End one hold; the order goes on when it was the last. Gives the SKUs that are still short.

    Raises:
        ConflictError: it has ended already.
    """
    lock_order(order_id)
    if not _end(order_id, [n], by):
        raise ConflictError("This hold has ended already.")
    return _go_on(order_id, by)


def end_due_holds(order_id: int, *, by: Actor) -> bool:
    """End the holds of one order whose rule is fulfilled; gives whether any was."""
    head = lock_order(order_id)
    standing = standing_holds(order_id)
    now = utc_now()
    due = [
        each["n"]
        for each in standing
        if (each["rule"] == "on_date" and each["until"] <= now)
        or (each["rule"] == "when_paid" and head["payment_state"] in PAID)
        or (each["rule"] == "when_in_stock" and _is_all_promised(order_id, by))
    ]
    if not due:
        return False
    _end(order_id, due, by)
    _go_on(order_id, by)
    return True


def standing_holds(order_id: int) -> Sequence[sa.RowMapping]:
    """What the order waits for, oldest first."""
    return (
        db.session.execute(
            sa.select(_hold).where(of_order(_hold, order_id), _hold.c.ended_at.is_(None)).order_by(_hold.c.n)
        )
        .mappings()
        .all()
    )


def orders_to_look_at(after: int = 0) -> Sequence[int]:
    """Orders with a hold that may end by itself now, in batches by id."""
    ids = db.session.scalars(
        sa.select(_hold.c.order_id)
        .where(
            _hold.c.merchant_id == current_merchant_id(),
            _hold.c.ended_at.is_(None),
            _hold.c.rule != "by_hand",
            sa.or_(_hold.c.until.is_(None), _hold.c.until <= sa.func.now()),
            _hold.c.order_id > after,
        )
        .order_by(_hold.c.order_id)
        .limit(AT_ONCE)
    )
    return list(dict.fromkeys(ids))


def _is_all_promised(order_id: int, by: Actor) -> bool:
    promise_lines(order_id, by)
    return all(
        line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"]
        <= line["allocated_quantity"]
        for line in lines_of(order_id)
        if line["is_counted"]
    )


def _end(order_id: int, ns: Sequence[int], by: Actor) -> int:
    ended = db.session.execute(
        sa.update(_hold)
        .where(of_order(_hold, order_id), _hold.c.n.in_(ns), _hold.c.ended_at.is_(None))
        .values(ended_at=utc_now(), ended_by_kind=by.kind, ended_by_id=by.id)
        .returning(_hold.c.n)
    )
    return len(ended.all())


def _go_on(order_id: int, by: Actor) -> Sequence[str]:
    """The order goes on unless another hold stands or units are short; says which of them it is."""
    if lock_order(order_id)["state"] != "on_hold":
        return []
    rest = standing_holds(order_id)
    if rest:
        change_order(order_id, hold_reason=rest[0]["reason"])
        tell(order_id, "hold_changed", by, hold_reason=rest[0]["reason"])
        return []
    short = promise_lines(order_id, by)
    reconcile(order_id, by=by)
    reason = f"Not enough stock: {', '.join(short)}" if short else None
    change_order(order_id, state="on_hold" if short else "open", hold_reason=reason)
    tell(order_id, "hold_changed" if short else "released", by, **({"hold_reason": reason} if reason else {}))
    return short
