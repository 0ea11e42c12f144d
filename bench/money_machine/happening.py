"""What happens to an order: units leave and come back, it waits, a channel tells news of it."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from bench.money_machine.life import OPEN, Life, fates, has_sent, has_unsent, sent_paid, units, unsent, which
from bench.money_machine.shop import BY
from portal.orders import outside, services
from portal.orders.changes.proposal import RefundWish
from portal.orders.returns import services as desk


class Happening(Life):
    """Things that happen."""

    @precondition(lambda self: self.now().state == "open" and has_unsent(self))
    @rule(line=which, count=units)
    def send(self, line: int, count: int) -> None:
        """Units of a line leave."""
        chosen = self.line(line, unsent)
        self.act(
            lambda: services.ship_lines(
                self.order_id,
                {chosen.n: min(count, chosen.unsent)},
                carrier=None,
                tracking_number=None,
                by=BY,
            )
        )

    @precondition(lambda self: has_sent(self))
    @rule(line=which, count=units, fate=fates, refuse=st.booleans(), goes_back=st.booleans())
    def send_back(self, line: int, count: int, fate: str, refuse: bool, goes_back: bool) -> None:
        """A return runs its whole way over the desk."""
        chosen = self.line(line, sent_paid)

        def run() -> None:
            n = desk.request_return(
                self.order_id,
                {chosen.n: min(count, chosen.sent_paid)},
                kind="return",
                reason_code="does_not_fit",
                by=BY,
            )
            desk.approve_return(self.order_id, n, by=BY)
            desk.receive(
                self.order_id,
                n,
                {chosen.n: min(count, chosen.sent_paid)},
                location_id=self.shop.location_id,
                by=BY,
            )
            desk.inspect(
                self.order_id,
                n,
                {chosen.n: {"sale" if fate == "none" else fate: min(count, chosen.sent_paid)}},
                by=BY,
            )
            if refuse:
                desk.reject(self.order_id, n, goes_back=goes_back, by=BY)
            else:
                desk.settle_return(self.order_id, n, refund=RefundWish(), by=BY)

        self.act(run)

    @precondition(lambda self: self.now().kept > 0)
    @rule(part=st.integers(1, 120))
    def refund_outside(self, part: int) -> None:
        """A channel gave money back."""
        amount = (self.now().kept * part / 100).quantize(self.unit)
        self.act(lambda: outside.record_refund(self.order_id, f"R{next(self.serial)}", amount, by=BY))

    @rule(news=st.sampled_from(["cancelled", "goes on", "paid"]))
    def hear_of(self, news: str) -> None:
        """A channel says that the order was cancelled, goes on after all, or was paid."""
        if news == "cancelled":
            self.act(lambda: outside.record_cancellation(self.order_id, unless_sent=True, by=BY))
        elif news == "goes on":
            self.act(lambda: outside.record_reopening(self.order_id, by=BY))
        else:
            self.act(
                lambda: outside.record_payment(
                    self.order_id, method="card", gateway="shop", reference=None, at=None, by=BY
                )
            )

    @precondition(lambda self: self.now().state in OPEN)
    @rule()
    def hold_or_release(self) -> None:
        """The order waits, or goes on."""
        if self.now().state == "on_hold":
            self.act(lambda: services.release_order(self.order_id, by=BY))
        else:
            self.act(lambda: services.hold_order(self.order_id, "It may be fraud", by=BY))
