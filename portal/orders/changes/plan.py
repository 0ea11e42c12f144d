"""What a change would do, worked out in memory: nothing here reads or writes the database.

    plan = plan_change(read_order(head), proposal)

An order's total only grows; what a change takes off is credited beside it, line by line, so nothing that was charged is
forgotten. What the order costs now is total − credited, and captured − refunded = cost + what is owed back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from portal.core.errors import ConflictError, DomainError
from portal.core.formats import money
from portal.core.money import round_to_minor
from portal.orders.changes.order_now import LineNow, OrderNow
from portal.orders.changes.parts import Part, charge_part, line_part, take_off
from portal.orders.changes.proposal import ChargeWish, LineWish, NewLineWish, Proposal, RefundWish
from portal.orders.totals import Charge, Line, Rules, rounded, totals_of

ZERO: Final = Decimal(0)
MOST_UNITS: Final = 1_000_000
MOST_MONEY: Final = Decimal("99999999999")


@dataclass(frozen=True, slots=True)
class Figures:
    """What an order adds up to: captured − refunded = due + credit."""

    items: Decimal
    shipping: Decimal
    other: Decimal
    tax: Decimal
    due: Decimal
    captured: Decimal
    refunded: Decimal
    under_way: Decimal

    @property
    def credit(self) -> Decimal:
        """What is owed back to the buyer; below zero the buyer still owes."""
        return self.captured - self.refunded - self.due


@dataclass(frozen=True, slots=True)
class AddedLine:
    """A line to add, added up."""

    n: int
    wish: NewLineWish
    amount: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class AddedCharge:
    """A charge to add, with its tax; ``tax_by_rate`` as the order keeps it, when it follows goods of several rates."""

    n: int
    kind: str
    label: str
    amount: Decimal
    tax: Decimal
    tax_rate: Decimal
    tax_by_rate: dict[str, list[str]] | None


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """Money to give back; ``parts`` are payments and amounts, a part without a payment was paid outside."""

    amount: Decimal
    destination: str
    parts: tuple[tuple[int | None, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A change worked out. ``touched`` are the lines and charges it alters."""

    now: OrderNow
    proposal: Proposal
    touched: tuple[Part, ...]
    added: tuple[AddedLine, ...]
    new_charges: tuple[AddedCharge, ...]
    refund: RefundPlan | None
    before: Figures
    after: Figures
    charged: Decimal
    charged_tax: Decimal
    credited: Decimal
    credited_tax: Decimal

    @property
    def is_empty(self) -> bool:
        return not (self.touched or self.added or self.new_charges or self.refund)

    @property
    def given_in_base(self) -> Decimal:
        """What it gives back, in the merchant's own currency, which limits are in."""
        if self.refund is None:
            return ZERO
        return round_to_minor(self.refund.amount * self.now.base_rate, self.now.base_currency)

    @property
    def lines(self) -> list[Part]:
        return [part for part in self.touched if part.kind == "line"]

    @property
    def charges(self) -> list[Part]:
        return [part for part in self.touched if part.kind == "charge"]


def plan_change(now: OrderNow, proposal: Proposal) -> Plan:
    """Work a change out on an order as it stands.

    Raises:
        DomainError: it asks for more units or money than there are, or for nothing at all.
        ConflictError: the units it counts on have left or were cancelled meanwhile.
    """
    lines = {line.n: line_part(line, now.currency, now.tax_inclusive) for line in now.lines}
    charges = {charge.n: charge_part(charge, now.currency, now.tax_inclusive) for charge in now.charges}
    goods = sum((part.value for part in lines.values() if part.value > 0), ZERO)
    taken = ZERO
    for wish in proposal.lines:
        taken += _change_line(now, lines, wish)
    _share_discounts(now, charges, taken, goods)
    if proposal.is_reopened:
        _reopen(now, lines, charges)
    if proposal.is_cancelled_whole:
        for part in charges.values():
            if part.value:
                part.credit(part.value)
    added = tuple(
        _added_line(now, place, wish) for place, wish in enumerate(proposal.added, _next_n(now.lines))
    )
    new_charges = _change_charges(now, lines, charges, proposal.charges)
    parts = [*lines.values(), *charges.values()]
    extra = sum((_gross(now, each) for each in _new(added, new_charges)), ZERO)
    _not_below_zero(now, parts, extra)
    _take_off_whole(now, parts, proposal.off, extra)
    refund = _plan_refund(now, parts, proposal.refund, extra)
    return _sum_up(now, proposal, parts, added, new_charges, refund, extra)


def _change_line(now: OrderNow, parts: dict[int, Part], wish: LineWish) -> Decimal:
    """Apply a wish to its line; gives what its units took off, before discounts of the order."""
    line = now.line(wish.n)
    if line is None or line.quantity < 0:
        raise DomainError(f"Line {wish.n} cannot be changed.", field=f"line-{wish.n}")
    part = parts[wish.n]
    part.fate, part.location_id = wish.fate, wish.location_id
    cancel, add = _units_to_move(line, wish)
    _check_units(line, wish, cancel)
    gone = cancel + wish.take_back
    taken = part.credit_share(gone, line.paid_units) if gone else ZERO
    part.cancelled_units, part.credited_units, part.added_units = cancel, wish.take_back, add
    part.back_units = wish.take_back if wish.fate != "none" else 0
    part.released_units = max(line.allocated - (line.unsent - cancel + add), 0)
    _change_price(now, line, part, wish, kept=line.paid_units - gone)
    if wish.credit:
        _check_amount(now, wish.credit, f"credit-{wish.n}")
        if wish.credit > part.gross:
            raise DomainError(
                f"{line.sku}: only {money(part.gross, now.currency)} of this line is left to take off.",
                field=f"credit-{wish.n}",
            )
        part.credit_gross(wish.credit)
    return taken


def _reopen(now: OrderNow, lines: dict[int, Part], charges: dict[int, Part]) -> None:
    for line in now.lines:
        if not line.credited_units:
            lines[line.n].restore(line.credited, line.credited_tax)
        lines[line.n].cancelled_units = -line.cancelled
    for charge in now.charges:
        sign = -1 if charge.kind == "discount" else 1
        charges[charge.n].restore(sign * charge.credited, charge.credited_tax)
    parts = [*lines.values(), *charges.values()]
    take_off(parts, min(now.refunded, max(_due(now, parts, ZERO), ZERO)))


def _units_to_move(line: LineNow, wish: LineWish) -> tuple[int, int]:
    if wish.quantity is None:
        return wish.cancel, 0
    if not 0 <= wish.quantity <= MOST_UNITS:
        raise DomainError(f"{line.sku}: enter 0 to {MOST_UNITS:,} units.", field=f"line-{line.n}")
    if wish.quantity < line.sent_paid:
        raise DomainError(
            f"{line.sku}: {line.sent_paid} have left already. What comes back is a return.",
            field=f"line-{line.n}",
        )
    return max(line.paid_units - wish.quantity, 0), max(wish.quantity - line.paid_units, 0)


def _check_units(line: LineNow, wish: LineWish, cancel: int) -> None:
    if min(cancel, wish.take_back) < 0:
        raise DomainError(f"{line.sku}: enter whole units, for example 2.", field=f"line-{line.n}")
    if cancel > line.unsent:
        raise ConflictError(
            f"{line.sku}: only {line.unsent} are left to cancel; the others have left or were cancelled.",
            field=f"line-{line.n}",
        )
    if wish.take_back > line.sent_paid:
        raise ConflictError(
            f"{line.sku}: only {line.sent_paid} have left and are still charged.", field=f"line-{line.n}"
        )
    if wish.fate != "none" and wish.take_back > line.fulfilled - line.returned:
        raise ConflictError(f"{line.sku}: these units came back already.", field=f"line-{line.n}")


def _change_price(now: OrderNow, line: LineNow, part: Part, wish: LineWish, *, kept: int) -> None:
    price = line.unit_price if wish.unit_price is None else wish.unit_price
    if price < 0 or price > MOST_MONEY:
        raise DomainError(f"{line.sku}: a price must not be below zero.", field=f"price-{line.n}")
    target = part.value + part.added_units * price + kept * (price - line.unit_price)
    if wish.discount is not None:
        held = line.discount * kept / line.quantity
        target -= wish.discount - held
        part.discount = wish.discount
    if wish.unit_price is not None and wish.unit_price != line.unit_price:
        part.unit_price = wish.unit_price
    difference = rounded(target, now.currency) - part.value
    if difference > 0:
        part.charge(difference)
    elif difference < 0:
        # Money taken off before may have left less than the new price asks to take off.
        part.credit(min(-difference, part.value))


def _share_discounts(now: OrderNow, charges: dict[int, Part], taken: Decimal, goods: Decimal) -> None:
    """Units that go take their share of a discount of the whole order with them."""
    for charge in now.charges:
        part = charges[charge.n]
        if charge.kind != "discount" or not taken or not goods or not part.value:
            continue
        share = rounded(Fraction(part.value) * Fraction(taken) / Fraction(goods), now.currency)
        part.credit(max(share, -taken, part.value))


def _added_line(now: OrderNow, n: int, wish: NewLineWish) -> AddedLine:
    if not 1 <= wish.quantity <= MOST_UNITS:
        raise DomainError(f"{wish.sku}: enter 1 to {MOST_UNITS:,} units.", field="added")
    if not 0 <= wish.unit_price <= MOST_MONEY:
        raise DomainError(f"{wish.sku}: a price must not be below zero.", field="added")
    sums = totals_of(
        [Line(n, wish.quantity, wish.unit_price, tax_rate=wish.tax_rate)],
        [],
        Rules(now.currency, now.tax_inclusive),
    ).lines[0]
    return AddedLine(n, wish, sums.line_total, sums.tax_amount)


def _change_charges(
    now: OrderNow, lines: dict[int, Part], charges: dict[int, Part], wishes: Iterable[ChargeWish]
) -> tuple[AddedCharge, ...]:
    added: list[AddedCharge] = []
    for wish in wishes:
        if wish.amount < 0 or wish.amount > MOST_MONEY or wish.amount != round(wish.amount, now.decimals):
            raise DomainError("Enter an amount of zero or more.", field="charge")
        if wish.n is None:
            n = _next_n(now.charges) + len(added)
            added.append(_added_charge(now, n, wish, lines))
            continue
        charge = now.charge(wish.n)
        if charge is None or charge.kind == "discount":
            raise DomainError("This charge cannot be changed.", field="charge")
        part = charges[wish.n]
        if wish.amount > part.value:
            part.charge(wish.amount - part.value)
        elif wish.amount < part.value:
            part.credit(part.value - wish.amount)
    return tuple(each for each in added if each.amount)


def _added_charge(now: OrderNow, n: int, wish: ChargeWish, lines: dict[int, Part]) -> AddedCharge:
    """A new charge is taxed as the goods are, in their proportion."""
    taxed = [part for part in lines.values() if part.value > 0]
    if all(part.tax_rate or not part.tax for part in taxed):
        sums = totals_of(
            [Line(part.n, 1, part.value, tax_rate=part.tax_rate) for part in taxed],
            [Charge(n, "shipping", wish.amount)],
            Rules(now.currency, now.tax_inclusive, shipping_tax="proportional"),
        ).charges[0]
        return AddedCharge(
            n, wish.kind, wish.label, wish.amount, sums.tax_amount, sums.tax_rate, sums.kept_by_rate
        )
    # A channel taxed the goods and did not say at which rates.
    share = Fraction(sum(part.tax for part in taxed)) / Fraction(sum(part.value for part in taxed))
    tax = rounded(Fraction(wish.amount) * share, now.currency)
    return AddedCharge(n, wish.kind, wish.label, wish.amount, tax, ZERO, None)


def _not_below_zero(now: OrderNow, parts: Sequence[Part], extra: Decimal) -> None:
    """An order that holds a credit line may have less to take off than its goods come to."""
    beyond = -_due(now, parts, extra) if now.due >= 0 else ZERO
    for part in reversed(parts):
        if beyond <= 0:
            return
        back = min(beyond, part.credited_gross)
        if back > 0:
            part.put_back(back)
            beyond -= back


def _take_off_whole(now: OrderNow, parts: Sequence[Part], off: Decimal, extra: Decimal) -> None:
    if not off:
        return
    _check_amount(now, off, "off")
    room = min(_due(now, parts, extra), sum((part.gross for part in parts if part.gross > 0), ZERO))
    if off > room:
        raise DomainError(
            f"The order costs {money(max(room, ZERO), now.currency)}; no more than that can be taken off.",
            field="off",
        )
    take_off(parts, off)


def _plan_refund(
    now: OrderNow, parts: Sequence[Part], wish: RefundWish | None, extra: Decimal
) -> RefundPlan | None:
    if wish is None:
        return None
    available = max(now.kept, ZERO) if wish.destination == "outside" else now.refundable
    owed = max(now.kept - _due(now, parts, extra), ZERO)
    amount = min(owed, available) if wish.amount is None else wish.amount
    if wish.amount is not None:
        _check_amount(now, amount, "refund_amount")
    if amount > available:
        held = (
            f", and {money(now.disputed, now.currency)} is held by a dispute"
            if now.disputed and wish.destination != "outside"
            else ""
        )
        raise DomainError(
            f"At most {money(available, now.currency)} can be given back: that is what came in and has not gone back{held}.",
            field="refund_amount",
        )
    if amount <= 0:
        return None
    if wish.lowers_price:
        room = min(_due(now, parts, extra), sum((part.gross for part in parts if part.gross > 0), ZERO))
        take_off(parts, min(max(amount - owed, ZERO), max(room, ZERO)))
    if wish.destination == "store_credit":
        if now.customer_id is None:
            raise DomainError(
                "A guest has no account to hold store credit. Give it back to the payment.",
                field="destination",
            )
        return RefundPlan(amount, "store_credit", ())
    if wish.destination == "outside":
        return RefundPlan(amount, "outside", ((None, amount),))
    return RefundPlan(amount, "payment", _spread(now, amount, wish.payment_n))


def _spread(now: OrderNow, amount: Decimal, first: int | None) -> tuple[tuple[int | None, Decimal], ...]:
    """Which payments give the money back: the chosen one first, then the others as they came."""
    left, parts = amount, []
    for payment in sorted(now.payments, key=lambda payment: (payment.n != first, payment.n)):
        share = min(left, payment.refundable)
        if share > 0:
            parts.append((payment.n, share))
            left -= share
    return (*parts, (None, left)) if left else tuple(parts)


def _sum_up(
    now: OrderNow, proposal: Proposal, parts: Sequence[Part], added: tuple[AddedLine, ...],
    new_charges: tuple[AddedCharge, ...], refund: RefundPlan | None, extra: Decimal,
) -> Plan:  # fmt: skip
    before = _figures(now, [line_part(each, now.currency, now.tax_inclusive) for each in now.lines]
                      + [charge_part(each, now.currency, now.tax_inclusive) for each in now.charges], now.due)  # fmt: skip
    new = _new(added, new_charges)
    after = _figures(now, parts, _due(now, parts, extra), added, new_charges, refund)
    return Plan(
        now, proposal, tuple(part for part in parts if part.is_touched), added, new_charges, refund, before, after,
        charged=sum((part.charged_gross for part in parts), extra),
        charged_tax=sum((part.charged_tax for part in parts), sum((each.tax for each in new), ZERO)),
        credited=sum((part.credited_gross for part in parts), ZERO),
        credited_tax=sum((part.credited_tax for part in parts), ZERO),
    )  # fmt: skip


def _figures(
    now: OrderNow, parts: Sequence[Part], due: Decimal, added: Sequence[AddedLine] = (),
    new_charges: Sequence[AddedCharge] = (), refund: RefundPlan | None = None,
) -> Figures:  # fmt: skip
    kinds = {charge.n: charge.kind for charge in now.charges}
    shipping = [part.value for part in parts if part.kind == "charge" and kinds[part.n] == "shipping"]
    other = [part.value for part in parts if part.kind == "charge" and kinds[part.n] != "shipping"]
    given = refund.amount if refund else ZERO
    return Figures(
        items=sum((part.value for part in parts if part.kind == "line"), sum((each.amount for each in added), ZERO)),
        shipping=sum(shipping, sum((each.amount for each in new_charges if each.kind == "shipping"), ZERO)),
        other=sum(other, sum((each.amount for each in new_charges if each.kind != "shipping"), ZERO)),
        tax=sum((part.tax for part in parts), sum((each.tax for each in _new(added, new_charges)), ZERO)),
        due=due, captured=now.captured, refunded=now.refunded + given, under_way=now.under_way,
    )  # fmt: skip


def _due(now: OrderNow, parts: Sequence[Part], extra: Decimal) -> Decimal:
    return now.due + sum((part.charged_gross - part.credited_gross for part in parts), extra)


def _new(
    added: Sequence[AddedLine], new_charges: Sequence[AddedCharge]
) -> tuple[AddedLine | AddedCharge, ...]:
    return (*added, *new_charges)


def _gross(now: OrderNow, each: AddedLine | AddedCharge) -> Decimal:
    return each.amount if now.tax_inclusive else each.amount + each.tax


def _check_amount(now: OrderNow, amount: Decimal, field: str) -> None:
    if not amount.is_finite() or amount <= 0 or amount > MOST_MONEY:
        raise DomainError("Enter an amount above zero.", field=field)
    if amount != round(amount, now.decimals):
        raise DomainError(f"{now.currency} is paid with {now.decimals or 'no'} decimals.", field=field)


def _next_n(rows: Sequence[object]) -> int:
    return max((row.n for row in rows), default=0) + 1  # type: ignore[attr-defined]
