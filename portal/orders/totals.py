"""What an order costs: pure arithmetic, exact to the minor unit, and every sum equal to its parts.

    totals_of([Line(1, 3, Decimal("9.99"), tax_rate=Decimal("0.21"))], [], Rules("EUR"))

Lines and charges carry their tax rates; which rate applies is decided in ``portal.orders.tax``. Discounts of the whole
order are shared out to lines by largest remainder, so a line's total is what its units cost and can be given back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from portal.orders.rounding import minor_of, money_of, nearest, part_of_units, rounded, share_out, to_digits

__all__ = [
    "Charge",
    "ChargeTotals",
    "Discount",
    "DiscountTotals",
    "Line",
    "LineTotals",
    "RateTotals",
    "Rules",
    "Totals",
    "part_of_units",
    "rounded",
    "share_out",
    "totals_of",
]

Rounding = Literal["line", "total"]
ShippingTax = Literal["own", "proportional"]

ZERO: Final = Decimal(0)
UNIT_PRICE_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Line:
    """Units of one thing.

    Args:
        n: the line's number within its order.
        quantity: units; negative on a credit note.
        unit_price: price of one unit, in the currency of the rules, with tax inside when they say so.
        discount: taken off the whole line, before discounts of the order.
        tax_rate: the rate that applies, as a fraction: 0.21 is 21 %.
        included_rate: the rate inside ``unit_price`` when it is another one; the price is then turned into one with
            ``tax_rate`` inside. With ``tax_rate`` 0 the buyer pays the price without tax: reverse charge, export.
        tax_amount: the tax as a channel computed it; kept as it is.
    """

    n: int
    quantity: int
    unit_price: Decimal
    discount: Decimal = ZERO
    tax_rate: Decimal = ZERO
    included_rate: Decimal | None = None
    tax_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """Money that is no product; ``kind`` is one of ``CHARGE_KINDS``. A charge of kind discount has a positive amount,
    which is subtracted. The other fields mean what they mean on a line."""

    n: int
    kind: str
    amount: Decimal
    discount: Decimal = ZERO
    tax_rate: Decimal = ZERO
    included_rate: Decimal | None = None
    tax_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount of the whole order: a voucher, or what staff give. Of percent and amount, one is set.

    Args:
        label: what the buyer reads, as a voucher's code.
        percent: per hundred of what is left of the lines it is for.
        amount: money off, at most what is left of them.
        on: goods are lines, shipping is charges of kind shipping.
        lines: numbers of the lines it is for; None means all.
    """

    label: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    on: Literal["goods", "shipping"] = "goods"
    lines: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """How an order is added up.

    Args:
        currency: ISO 4217 code of every amount.
        tax_inclusive: prices and charges have their tax inside.
        rounding: tax is rounded for each line, or once for each rate and then shared out to the lines.
        shipping_tax: shipping is taxed at its own rate, or at the rates of the goods in their proportion.
        discounts: applied in this order, each to what the ones before have left.
    """

    currency: str
    tax_inclusive: bool = True
    rounding: Rounding = "line"
    shipping_tax: ShippingTax = "own"
    discounts: Sequence[Discount] = ()


@dataclass(frozen=True, slots=True)
class LineTotals:
    """A line added up. ``line_total`` is what the order's items total takes: with tax inside when prices are.

    ``discount`` is all that was taken off: ``own_discount`` and the line's shares of the order's discounts.
    """

    n: int
    quantity: int
    unit_price: Decimal
    own_discount: Decimal
    discount: Decimal
    line_total: Decimal
    tax_rate: Decimal
    tax_amount: Decimal
    net: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class ChargeTotals:
    """A charge added up; ``amount`` is after its discount. ``tax_by_rate`` and ``net_by_rate`` have more than one rate when
    it is taxed in proportion to the goods; ``tax_rate`` is then what it comes to. A discount's tax is negative."""

    n: int
    kind: str
    amount: Decimal
    discount: Decimal
    tax_rate: Decimal
    tax_amount: Decimal
    tax_by_rate: Mapping[Decimal, Decimal]
    net_by_rate: Mapping[Decimal, Decimal]
    net: Decimal
    gross: Decimal

    @property
    def kept_by_rate(self) -> dict[str, list[str]] | None:
        """Net and tax of each rate as they are kept with the order; None when there is one rate."""
        if len(self.tax_by_rate) < 2:
            return None
        return {str(rate): [str(self.net_by_rate[rate]), str(tax)] for rate, tax in self.tax_by_rate.items()}


@dataclass(frozen=True, slots=True)
class DiscountTotals:
    """What a discount of the order came to, and its share on each line or charge by number."""

    label: str
    on: Literal["goods", "shipping"]
    amount: Decimal
    shares: Mapping[int, Decimal]


@dataclass(frozen=True, slots=True)
class RateTotals:
    """All that is taxed at one rate, as an invoice lists it; net + tax = gross."""

    tax_rate: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """An order added up. ``total`` is what the buyer pays:
    items + charges − discount charges, and the tax when prices come without it."""

    lines: tuple[LineTotals, ...]
    charges: tuple[ChargeTotals, ...]
    discounts: tuple[DiscountTotals, ...]
    rates: tuple[RateTotals, ...]
    items_total: Decimal
    charges_total: Decimal
    discount_total: Decimal
    tax_total: Decimal
    total: Decimal

    @property
    def net_total(self) -> Decimal:
        """The total without its tax."""
        return sum((rate.net for rate in self.rates), ZERO)


def totals_of(lines: Sequence[Line], charges: Sequence[Charge], rules: Rules) -> Totals:
    """Add an order up.

    Raises:
        UnknownCurrencyError: the rules name no ISO 4217 currency.
        ValueError: two lines or two charges share a number; a discount says both or neither of percent and amount, or
            is negative.
    """
    for numbered in (lines, charges):
        if len({each.n for each in numbered}) != len(numbered):
            raise ValueError("Lines are numbered, each by its own number; charges likewise.")
    priced = [_in_applied_tax(line, rules) for line in lines]
    charged = [_charge_in_applied_tax(charge, rules) for charge in charges]
    goods = {
        line.n: rounded(line.unit_price * line.quantity - line.discount, rules.currency) for line in priced
    }
    shipping = {charge.n: charge.amount for charge in charged if charge.kind == "shipping"}
    discounts = tuple(_apply(discount, goods, shipping, rules) for discount in rules.discounts)
    charged = [replace(each, amount=shipping.get(each.n, each.amount)) for each in charged]
    parts = _taxed_parts(priced, goods, charged, rules)
    _round_taxes(parts, rules)
    return _sum_up(priced, goods, charged, charges, discounts, parts, rules)


@dataclass(slots=True)
class _Part:
    """Something taxed at one rate: a line, or the part of a charge that follows one rate of the goods."""

    owner: tuple[str, int]
    amount: int
    rate: Decimal
    exact_tax: Fraction
    is_given: bool = False
    tax: int = 0


def _in_applied_tax(line: Line, rules: Rules) -> Line:
    factor = _tax_factor(line.included_rate, line.tax_rate, rules)
    if factor == 1:
        return line
    return replace(
        line,
        unit_price=to_digits(Fraction(line.unit_price) * factor, UNIT_PRICE_DIGITS),
        discount=rounded(Fraction(line.discount) * factor, rules.currency),
    )


def _charge_in_applied_tax(charge: Charge, rules: Rules) -> Charge:
    factor = _tax_factor(charge.included_rate, charge.tax_rate, rules)
    net = rounded(charge.amount, rules.currency) - rounded(charge.discount, rules.currency)
    return replace(charge, amount=rounded(Fraction(net) * factor, rules.currency))


def _tax_factor(included: Decimal | None, applied: Decimal, rules: Rules) -> Fraction:
    if included is None or not rules.tax_inclusive:
        return Fraction(1)
    return (1 + Fraction(applied)) / (1 + Fraction(included))


def _apply(
    discount: Discount, goods: dict[int, Decimal], shipping: dict[int, Decimal], rules: Rules
) -> DiscountTotals:
    if (discount.percent is None) == (discount.amount is None):
        raise ValueError("A discount is a percentage or an amount.")
    if min(discount.percent or ZERO, discount.amount or ZERO) < 0:
        raise ValueError("A discount must not be negative.")
    remaining = shipping if discount.on == "shipping" else goods
    chosen = [n for n, left in remaining.items() if left > 0 and _is_for(discount, n)]
    weights = [minor_of(remaining[n], rules.currency) for n in chosen]
    left = sum(weights)
    wanted = (
        nearest(Fraction(left) * Fraction(discount.percent) / 100)
        if discount.percent is not None
        else minor_of(rounded(discount.amount or ZERO, rules.currency), rules.currency)
    )
    parts = share_out(min(wanted, left), weights)
    shares = {n: money_of(part, rules.currency) for n, part in zip(chosen, parts, strict=True) if part}
    for n, share in shares.items():
        remaining[n] -= share
    return DiscountTotals(discount.label, discount.on, sum(shares.values(), ZERO), shares)


def _is_for(discount: Discount, n: int) -> bool:
    return discount.on == "shipping" or discount.lines is None or n in discount.lines


def _taxed_parts(
    lines: Sequence[Line], goods: Mapping[int, Decimal], charges: Sequence[Charge], rules: Rules
) -> list[_Part]:
    parts = [
        _part(
            ("line", line.n), minor_of(goods[line.n], rules.currency), line.tax_rate, line.tax_amount, rules
        )
        for line in lines
    ]
    weights: dict[Decimal, int] = {}
    for part in parts:
        if part.amount > 0:
            weights[part.rate] = weights.get(part.rate, 0) + part.amount
    for charge in charges:
        amount = minor_of(charge.amount, rules.currency) * (-1 if charge.kind == "discount" else 1)
        owner = ("charge", charge.n)
        is_split = charge.kind == "shipping" and rules.shipping_tax == "proportional" and bool(weights)
        if is_split and charge.tax_amount is None:
            shares = share_out(amount, list(weights.values()))
            parts += [
                _part(owner, share, rate, None, rules) for rate, share in zip(weights, shares, strict=True)
            ]
        else:
            parts.append(_part(owner, amount, charge.tax_rate, charge.tax_amount, rules))
    return parts


def _part(owner: tuple[str, int], amount: int, rate: Decimal, given: Decimal | None, rules: Rules) -> _Part:
    if given is not None:
        tax = minor_of(rounded(given, rules.currency), rules.currency)
        return _Part(owner, amount, rate, Fraction(tax), True, tax)
    fraction = Fraction(rate)
    return _Part(
        owner, amount, rate, amount * (fraction / (1 + fraction) if rules.tax_inclusive else fraction)
    )


def _round_taxes(parts: Iterable[_Part], rules: Rules) -> None:
    computed = [part for part in parts if not part.is_given]
    if rules.rounding == "line":
        for part in computed:
            part.tax = nearest(part.exact_tax)
        return
    by_rate: dict[Decimal, list[_Part]] = {}
    for part in computed:
        by_rate.setdefault(part.rate, []).append(part)
    for group in by_rate.values():
        whole = nearest(sum((part.exact_tax for part in group), Fraction(0)))
        for part in group:
            part.tax = part.exact_tax.__floor__()
        left = whole - sum(part.tax for part in group)
        for part in sorted(group, key=lambda part: part.tax - part.exact_tax)[:left]:
            part.tax += 1


def _sum_up(
    lines: Sequence[Line],
    goods: Mapping[int, Decimal],
    charges: Sequence[Charge],
    asked: Sequence[Charge],
    discounts: tuple[DiscountTotals, ...],
    parts: Sequence[_Part],
    rules: Rules,
) -> Totals:
    by_owner: dict[tuple[str, int], list[_Part]] = {}
    for part in parts:
        by_owner.setdefault(part.owner, []).append(part)
    line_totals = tuple(_line_totals(line, goods[line.n], by_owner["line", line.n], rules) for line in lines)
    charge_totals = tuple(
        _charge_totals(charge, before, discounts, by_owner["charge", charge.n], rules)
        for charge, before in zip(charges, asked, strict=True)
    )
    items = sum((line.line_total for line in line_totals), ZERO)
    charged = sum((each.amount for each in charge_totals if each.kind != "discount"), ZERO)
    off = sum((each.amount for each in charge_totals if each.kind == "discount"), ZERO)
    tax = sum((line.tax_amount for line in line_totals), ZERO)
    tax += sum((each.tax_amount for each in charge_totals), ZERO)
    return Totals(
        line_totals,
        charge_totals,
        discounts,
        _rate_totals(parts, rules),
        items,
        charged,
        off,
        tax,
        items + charged - off + (ZERO if rules.tax_inclusive else tax),
    )


def _line_totals(line: Line, line_total: Decimal, parts: Sequence[_Part], rules: Rules) -> LineTotals:
    tax = money_of(sum(part.tax for part in parts), rules.currency)
    net = line_total - tax if rules.tax_inclusive else line_total
    before = rounded(line.unit_price * line.quantity - line.discount, rules.currency)
    return LineTotals(
        line.n,
        line.quantity,
        line.unit_price,
        line.discount,
        line.discount + before - line_total,
        line_total,
        line.tax_rate,
        tax,
        net,
        net + tax,
    )


def _charge_totals(
    charge: Charge,
    asked: Charge,
    discounts: Iterable[DiscountTotals],
    parts: Sequence[_Part],
    rules: Rules,
) -> ChargeTotals:
    by_rate: dict[Decimal, Decimal] = {}
    net_by_rate: dict[Decimal, Decimal] = {}
    for part in parts:
        own_net = part.amount - part.tax if rules.tax_inclusive else part.amount
        by_rate[part.rate] = by_rate.get(part.rate, ZERO) + money_of(part.tax, rules.currency)
        net_by_rate[part.rate] = net_by_rate.get(part.rate, ZERO) + money_of(own_net, rules.currency)
    tax = sum(by_rate.values(), ZERO)
    signed = -charge.amount if charge.kind == "discount" else charge.amount
    net = signed - tax if rules.tax_inclusive else signed
    off = (each.shares.get(charge.n, ZERO) for each in discounts if each.on == "shipping")
    taken = sum(off, ZERO) if charge.kind == "shipping" else ZERO
    effective = next(iter(by_rate)) if len(by_rate) == 1 else _effective_rate(net, tax)
    return ChargeTotals(
        charge.n,
        charge.kind,
        charge.amount,
        rounded(asked.discount, rules.currency) + taken,
        effective,
        tax,
        by_rate,
        net_by_rate,
        net,
        net + tax,
    )


def _effective_rate(net: Decimal, tax: Decimal) -> Decimal:
    return to_digits(Fraction(tax) / Fraction(net), 6) if net else ZERO


def _rate_totals(parts: Iterable[_Part], rules: Rules) -> tuple[RateTotals, ...]:
    sums: dict[Decimal, tuple[int, int]] = {}
    for part in parts:
        amount, tax = sums.get(part.rate, (0, 0))
        sums[part.rate] = (amount + part.amount, tax + part.tax)
    found = []
    for rate, (amount, tax) in sorted(sums.items(), reverse=True):
        net = amount - tax if rules.tax_inclusive else amount
        found.append(
            RateTotals(
                rate,
                money_of(net, rules.currency),
                money_of(tax, rules.currency),
                money_of(net + tax, rules.currency),
            )
        )
    return tuple(found)
