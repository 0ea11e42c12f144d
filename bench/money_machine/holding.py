"""What must hold after every step: the money adds up to the cent, and every state has a way out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from hypothesis.stateful import invariant

from bench.money_machine.life import ZERO, Life
from portal.core.database import current_merchant_id, db
from portal.orders.changes import services as changes
from portal.orders.changes.plan import plan_change
from portal.orders.changes.proposal import Proposal, RefundWish
from portal.orders.models import OrderChange, OrderLine, OrderPayment, OrderRefund
from portal.stock.models import StockLevel

_change = OrderChange.__table__
_level = StockLevel.__table__
_line = OrderLine.__table__
_payment = OrderPayment.__table__
_refund = OrderRefund.__table__


class Holding(Life):
    """The two things that are checked."""

    @invariant()
    def money_adds_up(self) -> None:
        """The head, recomputed from its parts, its payments, its refunds and its record."""
        if not self.order_id:
            return
        now = self.now()
        parts = sum((line.amount + (ZERO if now.tax_inclusive else line.tax) for line in now.lines), ZERO)
        for charge in now.charges:
            sign = -1 if charge.kind == "discount" else 1
            parts += sign * charge.amount + (ZERO if now.tax_inclusive else charge.tax)
        assert now.due == parts, "the order costs what its lines and charges come to"
        sums = self.sums()
        assert now.captured == sums.captured, "every payment is counted once"
        assert now.refunded == sums.refunded, "every refund is counted once"
        assert 0 <= now.refunded <= now.captured
        assert now.total == self.placed_total + sums.charged, "the record says what was put on"
        assert now.credited == sums.credited, "the record says what was taken off"
        assert sums.allocated == sums.promised, "every promised unit belongs to a line"
        assert now.due >= 0
        assert now.captured - now.refunded == now.due + now.credit
        head = self.head()
        assert (head["due_total"], head["credit_total"]) == (now.due, now.credit)
        for line in now.lines:
            assert line.amount >= 0 and line.tax >= 0 and line.paid_units >= 0
            assert line.allocated <= line.unsent
        type(self).done += 1

    @invariant()
    def there_is_a_way_out(self) -> None:
        """Whatever state it is in, what is open can be ended: send or cancel, pay, give back, go on."""
        if not self.order_id:
            return
        now = self.now()
        unsent = sum(line.unsent for line in now.lines if line.quantity > 0)
        if unsent:
            assert now.state in {"open", "on_hold"}, "units wait in an order that is over"
            plan = plan_change(now, changes.whole_cancellation(now))
            assert not plan.is_empty and plan.after.due >= 0
        else:
            assert now.state != "open" or not any(line.quantity for line in now.lines), (
                "nothing waits, and it is open"
            )
        owed = min(now.credit, now.refundable)
        if owed > 0:
            back = plan_change(now, Proposal("refund", refund=RefundWish()))
            assert back.refund is not None and back.refund.amount == owed
            assert owed == now.credit or now.disputed
        if now.credit < 0 and now.due > 0:
            off = plan_change(now, Proposal("goodwill", off=min(-now.credit, now.due)))
            assert off.after.credit == now.credit + min(-now.credit, now.due)

    def sums(self) -> sa.Row[Any]:
        """Payments, refunds, the record of changes and promised units, added up by the database."""
        mine = [("captured", _payment.c.captured_amount, None), ("refunded", _refund.c.amount, _refund.c.state == "done"),
                ("charged", _change.c.charged_delta, None), ("credited", _change.c.credited_delta, None)]  # fmt: skip
        columns = [
            _sum(column, column.table.c.order_id == self.order_id, *([] if only is None else [only])).label(
                name
            )
            for name, column, only in mine
        ]
        columns += [
            _sum(_level.c.allocated, _level.c.variant_id.in_(self.shop.variants)).label("allocated"),
            _sum(_line.c.allocated_quantity, _line.c.variant_id.in_(self.shop.variants)).label("promised"),
        ]
        return db.session.execute(sa.select(*columns)).one()


def _sum(column: sa.Column[Any], *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    found = sa.select(sa.func.coalesce(sa.func.sum(column), 0))
    return found.where(column.table.c.merchant_id == current_merchant_id(), *conditions).scalar_subquery()
