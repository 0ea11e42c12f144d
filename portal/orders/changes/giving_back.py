"""Ask for the money of a change to be given back: to the payments it came by, or as store credit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError
from portal.orders.book import insert_row, lock_order, next_n, of_order, tell
from portal.orders.changes.plan import Plan
from portal.orders.models import OrderPayment, OrderRefund, OrderRefundLine
from portal.orders.payments.balance import move_money
from portal.orders.payments.services import request_refund, void
from portal.orders.store_credit import services as store_credit

_refund: Final = OrderRefund.__table__
_refund_line: Final = OrderRefundLine.__table__
_payment: Final = OrderPayment.__table__
ZERO: Final = Decimal(0)


def give_back_money(plan: Plan, change_n: int, *, reason: str, by: Actor) -> list[int]:
    """Write and ask for the refunds of a plan; gives their numbers. A gateway's are pending until it answered."""
    if plan.refund is None:
        return []
    if plan.refund.destination == "store_credit":
        numbers = [(_as_credit(plan, change_n, None, plan.refund.amount, reason, by), plan.refund.amount)]
    else:
        numbers = [
            (_to_payment(plan, change_n, payment_n, amount, reason, by), amount)
            for payment_n, amount in plan.refund.parts
        ]
    _name_lines(plan, numbers)
    return [n for n, _ in numbers]


def let_go_of_money(plan: Plan, change_n: int, *, by: Actor) -> None:
    """Of an order that is cancelled now, money that a gateway only set aside is let go."""
    if plan.now.state == "cancelled" or lock_order(plan.now.order_id)["state"] != "cancelled":
        return
    aside = db.session.scalars(
        sa.select(_payment.c.n).where(
            of_order(_payment, plan.now.order_id), _payment.c.state == "authorised", _payment.c.account_id.is_not(None),
            _payment.c.capture_pending == 0,
        )
    ).all()  # fmt: skip
    for payment_n in aside:
        try:
            void(plan.now.order_id, payment_n, key=f"change-{change_n}-{payment_n}", by=by)
        except ConflictError:
            continue  # It is being let go already.


def _to_payment(
    plan: Plan, change_n: int, payment_n: int | None, amount: Decimal, reason: str, by: Actor
) -> int:
    payment = next((each for each in plan.now.payments if each.n == payment_n), None)
    if payment is not None and payment.method == store_credit.METHOD:
        return _as_credit(plan, change_n, payment.n, amount, reason, by)
    if payment is None:
        return _by_hand(plan, change_n, None, amount, "outside", reason, by)
    n = request_refund(
        plan.now.order_id, payment.n, amount, key=f"change-{change_n}-{payment.n}", reason=reason, by=by
    )
    db.session.execute(
        sa.update(_refund)
        .where(of_order(_refund, plan.now.order_id), _refund.c.n == n)
        .values(change_n=change_n)
    )
    return n


def _as_credit(
    plan: Plan, change_n: int, payment_n: int | None, amount: Decimal, reason: str, by: Actor
) -> int:
    n = _by_hand(plan, change_n, payment_n, amount, "store_credit", reason, by)
    if payment_n is not None:
        db.session.execute(
            sa.update(_payment)
            .where(of_order(_payment, plan.now.order_id), _payment.c.n == payment_n)
            .values(refunded_amount=_payment.c.refunded_amount + amount)
        )
    assert plan.now.customer_id is not None
    store_credit.give(
        plan.now.customer_id, amount, plan.now.currency, order_id=plan.now.order_id, by=by, kind="refunded"
    )
    return n


def _by_hand(
    plan: Plan,
    change_n: int,
    payment_n: int | None,
    amount: Decimal,
    destination: str,
    reason: str,
    by: Actor,
) -> int:
    order_id = plan.now.order_id
    head = lock_order(order_id)
    n = next_n(_refund, order_id)
    insert_row(
        _refund, order_id, n=n, state="done", key=f"change-{change_n}-{destination}-{payment_n or 0}", payment_n=payment_n,
        change_n=change_n, amount=amount, destination=destination, reason=reason, actor_kind=by.kind, actor_id=by.id,
        at=utc_now(),
    )  # fmt: skip
    move_money(order_id, head, refunded=amount)
    tell(order_id, "refunded", by, amount=str(amount), currency=plan.now.currency, destination=destination)
    return n


def _name_lines(plan: Plan, refunds: list[tuple[int, Decimal]]) -> None:
    """Say of each refund which lines it is for, as far as this change took money off lines."""
    lines = iter([(part.n, part.cancelled_units + part.credited_units, part.credited_gross)
                  for part in plan.lines if part.credited_gross > 0])  # fmt: skip
    for refund_n, line_n, units, amount in _shared(lines, refunds):
        insert_row(
            _refund_line, plan.now.order_id, refund_n=refund_n, line_n=line_n, quantity=units, amount=amount
        )


def _shared(
    lines: Iterator[tuple[int, int, Decimal]], refunds: list[tuple[int, Decimal]]
) -> Iterator[tuple[int, int, int, Decimal]]:
    line = next(lines, None)
    for refund_n, left in refunds:
        while line is not None and left > 0:
            line_n, units, amount = line
            share = min(amount, left)
            yield refund_n, line_n, units, share
            left -= share
            line = next(lines, None) if share == amount else (line_n, 0, amount - share)
