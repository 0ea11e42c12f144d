"""One order from its placement to its end: how it is placed, read and acted on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from bench.money_machine.shop import BY, ShopOfMachine
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.money import minor_units
from portal.orders import outside
from portal.orders.changes import services as changes
from portal.orders.changes.order_now import LineNow, OrderNow, read_order
from portal.orders.changes.proposal import NewLineWish, Proposal
from portal.orders.models import Order
from portal.orders.placement import NewCharge, NewLine, NewOrder, NewPayment, place_order
from portal.orders.store_credit.services import balances, spend

ZERO: Final = Decimal(0)

_order = Order.__table__

units = st.integers(1, 4)
cents = st.integers(1, 2_500)
fates = st.sampled_from(["sale", "quarantine", "write_off", "none"])
which = st.integers(0, 5)
OPEN: Final = ("open", "on_hold")


def unsent(line: LineNow) -> int:
    return line.unsent


def sent_paid(line: LineNow) -> int:
    return line.sent_paid if line.quantity > 0 else 0


def has_unsent(machine: Life) -> bool:
    return any(unsent(line) for line in machine.now().lines)


def has_sent(machine: Life) -> bool:
    return any(sent_paid(line) for line in machine.now().lines)


class Life(RuleBasedStateMachine):
    """One order and its shop; the rules stand in the classes that take this one further."""

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
