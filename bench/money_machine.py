"""Random lives of orders, checked after every step: the money adds up to the cent, and every state has a way out.

A state machine for Hypothesis, used by the tests with a few thousand steps and by the soak with many more. It acts through
the services alone, inside an application context with a merchant in scope::

    steps = run_money_machine(steps=5_000, seed=1)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from portal.catalog.models import Product, Variant
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.money import minor_units
from portal.core.subjects import DataSubject
from portal.customers.models import Customer
from portal.orders import outside, services
from portal.orders.changes import services as changes
from portal.orders.changes.order_now import LineNow, OrderNow, read_order
from portal.orders.changes.plan import plan_change
from portal.orders.changes.proposal import ChargeWish, LineWish, NewLineWish, Proposal, RefundWish
from portal.orders.models import (
    Order,
    OrderChange,
    OrderCharge,
    OrderLine,
    OrderPayment,
    OrderRefund,
    SalesChannel,
)
from portal.orders.payments.rows import change_payment
from portal.orders.placement import NewCharge, NewLine, NewOrder, NewPayment, place_order
from portal.orders.returns import services as desk
from portal.orders.store_credit.services import balance_of, balances, pay_with_credit, spend
from portal.stock.models import Location, StockLevel
from portal.stock.services import Move, apply_moves

BY: Final = Actor("system", None, "The money machine")
STEPS_PER_LIFE: Final = 50
PLENTY: Final = 1_000_000
ZERO: Final = Decimal(0)

_serial = itertools.count(1)
_order, _line, _charge, _change, _refund, _payment, _level = (
    model.__table__
    for model in (Order, OrderLine, OrderCharge, OrderChange, OrderRefund, OrderPayment, StockLevel)
)

units = st.integers(1, 4)
cents = st.integers(1, 2_500)
fates = st.sampled_from(["sale", "quarantine", "write_off", "none"])
which = st.integers(0, 5)
OPEN: Final = ("open", "on_hold")


def unsent(line: LineNow) -> int:
    return line.unsent


def sent_paid(line: LineNow) -> int:
    return line.sent_paid if line.quantity > 0 else 0


def has_unsent(machine: MoneyMachine) -> bool:
    return any(unsent(line) for line in machine.now().lines)


def has_sent(machine: MoneyMachine) -> bool:
    return any(sent_paid(line) for line in machine.now().lines)


class MoneyMachine(RuleBasedStateMachine):
    """One order, from its placement on; every rule is something staff, a buyer or a channel may do at any time."""

    shop: ShopOfMachine
    done = 0

    def __init__(self) -> None:
        super().__init__()
        self.order_id = 0
        self.seen: OrderNow | None = None
        self.placed_total = ZERO
        self.serial = itertools.count(1)

    @initialize(
        lines=st.lists(st.tuples(units, cents, st.integers(0, 300)), min_size=1, max_size=3),
        shipping=st.integers(0, 900),
        discount=st.integers(0, 400),
        paid=st.sampled_from([0, 30, 100]),
        currency=st.sampled_from(["GBP", "JPY", "KWD"]),
        inclusive=st.booleans(),
        rate=st.sampled_from(["0", "0.07", "0.2"]),
        guest=st.booleans(),
    )
    def place(
        self, lines: list[tuple[int, int, int]], shipping: int, discount: int, paid: int, currency: str,
        inclusive: bool, rate: str, guest: bool,
    ) -> None:  # fmt: skip
        """An order with lines, perhaps delivery, a discount and a payment."""
        self.currency, self.unit = currency, Decimal(1).scaleb(-minor_units(currency))
        share = Decimal(rate) / (1 + Decimal(rate)) if inclusive else Decimal(rate)
        made = []
        for place, (count, price, off) in enumerate(lines):
            value = price * count - min(off, price * count - 1)
            made.append(
                NewLine(
                    f"SKU-{place}", "Thing", count, price * self.unit, variant_id=self.shop.variants[place],
                    discount=min(off, price * count - 1) * self.unit, tax_rate=Decimal(rate),
                    tax_amount=Decimal(int(value * share)) * self.unit,
                )
            )  # fmt: skip
        goods = sum(
            int(line.unit_price / self.unit) * line.quantity - int(line.discount / self.unit) for line in made
        )
        charges = [NewCharge("shipping", "Delivery", shipping * self.unit)] if shipping else []
        if discount:
            charges.append(NewCharge("discount", "Voucher", min(discount, goods) * self.unit))
        total = goods + shipping - min(discount, goods)
        total += 0 if inclusive else sum(int(line.tax_amount / self.unit) for line in made)
        payments = (
            [NewPayment("card", total * self.unit, total * paid // 100 * self.unit)]
            if total * paid // 100
            else []
        )
        placed = place_order(
            NewOrder(
                self.shop.channel_id, currency, made, charges=charges, payments=payments, tax_inclusive=inclusive,
                customer_id=None if guest else self.shop.customer_id,
            ),
            by=BY,
        )  # fmt: skip
        db.session.commit()
        self.order_id, self.placed_total = placed.order_id, total * self.unit

    @precondition(lambda self: self.now().credit < 0 and self.now().state != "cancelled")
    @rule(part=st.integers(1, 100))
    def pay(self, part: int) -> None:
        """Some of what is owed comes in."""
        owed = -self.now().credit
        amount = (owed * part / 100).quantize(self.unit)
        self.act(lambda: services.take_payment(self.order_id, amount, method="cash", reference=None, by=BY))

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

    def teardown(self) -> None:
        """The next life begins with nothing promised and no store credit: one life must not depend on another."""
        db.session.rollback()
        if self.order_id:
            outside.record_cancellation(self.order_id, by=BY)
            for account in balances(self.shop.customer_id):
                if account["balance"]:
                    spend(
                        self.shop.customer_id, account["balance"], account["currency"], order_id=None, by=BY
                    )
            db.session.commit()
        db.session.expunge_all()

    def now(self) -> OrderNow:
        """The order as it stands, read once after each act."""
        if self.seen is None:
            self.seen = read_order(self.head())
        return self.seen

    def head(self) -> sa.RowMapping:
        return db.session.execute(
            sa.select(_order).where(_order.c.merchant_id == current_merchant_id(), _order.c.id == self.order_id)
        ).mappings().one()  # fmt: skip

    def line(self, at: int, of: Callable[[LineNow], Any] = lambda line: True) -> LineNow:
        """One of the lines for which *of* holds."""
        lines = [line for line in self.now().lines if of(line)]
        return lines[at % len(lines)]

    def new_line(self, place: int, count: int, price: int, rate: str) -> NewLineWish:
        return NewLineWish(
            f"SKU-{place}",
            "Thing",
            count,
            price * self.unit,
            self.shop.variants[place],
            tax_rate=Decimal(rate),
        )

    def change(self, proposal: Proposal) -> bool:
        before = self.now()
        is_done = self.act(
            lambda: changes.change_at_once(self.order_id, proposal, reason_code="other", by=BY)
        )
        assert self.now().refunded - before.refunded <= before.refundable, "held money went back"
        return is_done

    def act(self, work: Callable[[], Any]) -> bool:
        """Do it in one transaction; what a rule of the business refuses changes nothing. Says whether it was done."""
        try:
            work()
            db.session.commit()
        except DomainError:
            db.session.rollback()
            return False
        finally:
            self.seen = None
        return True

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


class ShopOfMachine:
    """A channel, a shelf with plenty of three things, and a customer; committed."""

    def __init__(self) -> None:
        serial = next(_serial)
        subject = DataSubject()
        channel = SalesChannel(code=f"machine-{serial}", name="Web shop", kind="web")
        location = Location(name="Main", code=f"MM{serial}")
        db.session.add_all([subject, channel, location])
        db.session.flush()
        customer = Customer(subject_id=subject.id, name="Ada Lovelace")
        db.session.add(customer)
        db.session.flush()
        self.channel_id, self.location_id, self.customer_id = channel.id, location.id, customer.id
        self.variants = [_variant(f"MONEY-{serial}-{place}") for place in range(3)]
        apply_moves(
            [Move(variant, location.id, "received", on_hand=PLENTY) for variant in self.variants], by=BY
        )
        db.session.commit()


def run_money_machine(steps: int, *, seed: int | None = None) -> int:
    """Run at least so many random steps over many orders; gives how many were checked.

    Raises:
        AssertionError: the money did not add up, or an order stood without a way out; Hypothesis names the steps.
    """
    machine = type("MoneyMachineOfRun", (MoneyMachine,), {"shop": ShopOfMachine(), "done": 0})
    while machine.done < steps:  # type: ignore[attr-defined]
        lives = max(1, -(-(steps - machine.done) // STEPS_PER_LIFE))  # type: ignore[attr-defined]
        profile = settings(
            max_examples=lives, stateful_step_count=STEPS_PER_LIFE, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink), print_blob=False,
            derandomize=False,
        )  # fmt: skip
        run_state_machine_as_test(
            machine if seed is None else seeded(seed + machine.done)(machine),
            settings=profile,  # type: ignore[attr-defined]
        )
    return int(machine.done)  # type: ignore[attr-defined]


def _sum(column: sa.Column[Any], *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    found = sa.select(sa.func.coalesce(sa.func.sum(column), 0))
    return found.where(column.table.c.merchant_id == current_merchant_id(), *conditions).scalar_subquery()


def _variant(sku: str) -> int:
    product = Product(title=sku, title_key=sku.lower(), slug=sku.lower(), state="active")
    db.session.add(product)
    db.session.flush()
    variant = Variant(product_id=product.id, sku=sku, sku_key=sku.upper())
    db.session.add(variant)
    db.session.flush()
    return int(variant.id)
