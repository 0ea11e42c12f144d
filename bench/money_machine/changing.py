"""Whatever changes what an order is of: edits, cancellations, claims, exchanges, money off."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from bench.money_machine.life import (
    OPEN,
    Life,
    cents,
    fates,
    has_sent,
    has_unsent,
    sent_paid,
    units,
    unsent,
    which,
)
from bench.money_machine.shop import BY
from portal.orders import services
from portal.orders.changes import services as changes
from portal.orders.changes.proposal import ChargeWish, LineWish, Proposal, RefundWish


class Changing(Life):
    """Changes that staff make."""

    @precondition(lambda self: has_unsent(self))
    @rule(line=which, count=units, apart=st.booleans(), refund=st.booleans())
    def cancel(self, line: int, count: int, apart: bool, refund: bool) -> None:
        """Units that have not left are cancelled, with or without their money going back."""
        chosen = self.line(line, unsent)
        wish = LineWish(chosen.n, cancel=min(count, chosen.unsent), fate="quarantine" if apart else "sale")
        self.change(Proposal("cancel", lines=(wish,), refund=RefundWish() if refund else None))

    @precondition(lambda self: self.now().state in OPEN and has_unsent(self))
    @rule()
    def cancel_whole(self) -> None:
        """All that has not left is cancelled."""
        self.act(lambda: services.cancel_order(self.order_id, by=BY))

    @rule(line=which, count=st.integers(0, 5), price=st.none() | cents, off=st.none() | st.integers(0, 100))
    def edit_line(self, line: int, count: int, price: int | None, off: int | None) -> None:
        """Another quantity, another price, another discount."""
        chosen = self.line(line)
        wish = LineWish(
            chosen.n, quantity=max(count, chosen.sent_paid),
            unit_price=None if price is None else price * self.unit, discount=None if off is None else off * self.unit,
        )  # fmt: skip
        self.change(Proposal("edit", lines=(wish,)))

    @rule(place=st.integers(0, 2), count=units, price=cents, rate=st.sampled_from(["0", "0.2"]))
    def add_line(self, place: int, count: int, price: int, rate: str) -> None:
        """Something is added to the order."""
        if len(self.now().lines) < 6:
            self.change(Proposal("edit", added=(self.new_line(place, count, price, rate),)))

    @rule(amount=st.integers(0, 1_000))
    def edit_delivery(self, amount: int) -> None:
        """Delivery costs something else."""
        shipping = next((each.n for each in self.now().charges if each.kind == "shipping"), None)
        self.change(Proposal("edit", charges=(ChargeWish(amount * self.unit, n=shipping),)))

    @precondition(lambda self: has_sent(self))
    @rule(line=which, count=units, fate=fates, refund=st.booleans())
    def take_back(self, line: int, count: int, fate: str, refund: bool) -> None:
        """Units that left are not charged any more; what becomes of them is a choice of its own."""
        chosen = self.line(line, sent_paid)
        wish = LineWish(chosen.n, take_back=min(count, chosen.sent_paid), fate=fate)  # type: ignore[arg-type]
        self.change(Proposal("refund", lines=(wish,), refund=RefundWish() if refund else None))

    @precondition(lambda self: has_sent(self))
    @rule(line=which, count=units, again=st.booleans())
    def claim(self, line: int, count: int, again: bool) -> None:
        """Units were lost: their price goes back, or they are sent again."""
        chosen = self.line(line, sent_paid)
        if again:
            if len(self.now().lines) < 6:
                self.change(Proposal("claim", added=(self.new_line(0, count, 0, "0"),)))
        else:
            wish = LineWish(chosen.n, take_back=min(count, chosen.sent_paid), fate="none")
            self.change(Proposal("claim", lines=(wish,), refund=RefundWish()))

    @precondition(lambda self: has_sent(self))
    @rule(line=which, count=units, place=st.integers(0, 2), price=cents)
    def exchange(self, line: int, count: int, place: int, price: int) -> None:
        """One thing for another, over the counter."""
        chosen = self.line(line, sent_paid)
        wish = LineWish(chosen.n, take_back=min(count, chosen.sent_paid))
        if wish.take_back and len(self.now().lines) < 6:
            self.change(
                Proposal("exchange", lines=(wish,), added=(self.new_line(place, count, price, "0.2"),))
            )

    @precondition(lambda self: self.now().due > 0)
    @rule(amount=st.integers(1, 600), refund=st.booleans())
    def goodwill(self, amount: int, refund: bool) -> None:
        """Money off the whole order."""
        before = self.now().due
        off = amount * self.unit
        if self.change(Proposal("goodwill", off=off, refund=RefundWish() if refund else None)):
            assert self.now().due == before - off

    @precondition(lambda self: self.now().due > 0)
    @rule(line=which, amount=st.integers(1, 400))
    def credit_line(self, line: int, amount: int) -> None:
        """Money off one line."""
        self.change(Proposal("refund", lines=(LineWish(self.line(line).n, credit=amount * self.unit),)))

    @precondition(lambda self: self.now().due > 0)
    @rule(amount=st.integers(1, 300), times=st.integers(2, 3))
    def click_twice(self, amount: int, times: int) -> None:
        """The same confirmation arrives more than once, and once from a stale page."""
        before = self.now()

        def clicks() -> None:
            n = changes.begin(
                self.order_id, Proposal("goodwill", off=amount * self.unit), reason_code="late", by=BY
            )
            version = self.now().version
            states = [changes.confirm(self.order_id, n, version=version, by=BY).state for _ in range(times)]
            assert states == ["confirmed", *["already"] * (times - 1)]

        if self.act(clicks):
            assert self.now().due == before.due - amount * self.unit
