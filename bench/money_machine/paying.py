"""Money that comes in and goes back: payments, refunds, disputes, store credit."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from bench.money_machine.life import ZERO, Life, which
from bench.money_machine.shop import BY
from portal.orders import services
from portal.orders.changes.proposal import Proposal, RefundWish
from portal.orders.models import OrderPayment
from portal.orders.payments.rows import change_payment
from portal.orders.store_credit.services import balance_of, pay_with_credit

_payment = OrderPayment.__table__


class Paying(Life):
    """Money that moves."""

    @precondition(lambda self: self.now().credit < 0 and self.now().state != "cancelled")
    @rule(part=st.integers(1, 100))
    def pay(self, part: int) -> None:
        """Some of what is owed comes in."""
        owed = -self.now().credit
        amount = (owed * part / 100).quantize(self.unit)
        self.act(lambda: services.take_payment(self.order_id, amount, method="cash", reference=None, by=BY))

    @precondition(lambda self: self.now().refundable > 0)
    @rule(part=st.integers(1, 110), lowers=st.booleans(), to_credit=st.booleans())
    def refund(self, part: int, lowers: bool, to_credit: bool) -> None:
        """Any amount goes back, owed or not."""
        now = self.now()
        amount = (now.refundable * part / 100).quantize(self.unit)
        wish = RefundWish(amount, "store_credit" if to_credit else "payment", lowers_price=lowers)
        before = now.due
        if self.change(Proposal("refund", refund=wish)) and lowers:
            assert self.now().due == before - min(max(amount - max(now.credit, ZERO), ZERO), before)

    @precondition(lambda self: self.now().credit > 0)
    @rule(to_credit=st.booleans())
    def settle(self, to_credit: bool) -> None:
        """What is owed goes back."""
        is_held = self.now().disputed > 0
        if self.change(
            Proposal("refund", refund=RefundWish(None, "store_credit" if to_credit else "payment"))
        ):
            assert self.now().credit <= 0 or is_held

    @precondition(lambda self: any(each.refundable for each in self.now().payments))
    @rule(at=which, part=st.integers(1, 100))
    def dispute(self, at: int, part: int) -> None:
        """A buyer disputes some of a payment at the bank: it is held and cannot be given back by us."""
        payments = [each for each in self.now().payments if each.refundable]
        chosen = payments[at % len(payments)]
        held = (chosen.refundable * part / 100).quantize(self.unit)
        self.act(
            lambda: change_payment(self.order_id, chosen.n, disputed_amount=_payment.c.disputed_amount + held)
        )

    @precondition(lambda self: self.now().disputed > 0)
    @rule()
    def end_disputes(self) -> None:
        """The bank decided for the shop."""
        for payment in self.now().payments:
            self.act(lambda n=payment.n: change_payment(self.order_id, n, disputed_amount=ZERO))  # type: ignore[misc]

    @precondition(lambda self: self.now().credit < 0 and self.now().customer_id is not None)
    @rule(part=st.integers(1, 100))
    def spend_store_credit(self, part: int) -> None:
        """The buyer pays with credit of the shop."""
        now = self.now()
        held = balance_of(now.customer_id, now.currency) if now.customer_id else ZERO
        amount = (min(held, -now.credit) * part / 100).quantize(self.unit)
        self.act(lambda: pay_with_credit(self.order_id, amount, by=BY))
