"""What an order still has to be billed for: what it costs now, less what its invoices and credit notes say. Pure.

Every document says what it billed, part by part, with its sign. So however often an order changes, the next invoice
takes what was added since, the next credit note what was taken off, and together they come to what the order costs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from portal.orders.documents.rates import Rates
from portal.orders.rounding import minor_of, money_of, share_out

ZERO: Final = Decimal(0)

Key = tuple[str, int]
Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Taxed:
    """So much without tax, and its tax, at one rate (a fraction)."""

    rate: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """A line or a charge, or the part of one that a document bills. Amounts of a credit are negative.

    Args:
        part: "line" or "charge".
        n: its number within the order.
        kind: "goods", or the kind of the charge.
        unit_price: as the order is priced, with tax inside or without.
    """

    part: str
    n: int
    kind: str
    sku: str
    title: str
    units: int
    unit_price: Decimal
    taxes: tuple[Taxed, ...]

    @property
    def key(self) -> Key:
        return self.part, self.n

    @property
    def net(self) -> Decimal:
        return sum((each.net for each in self.taxes), ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((each.tax for each in self.taxes), ZERO)

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax

    def amount(self, *, tax_inclusive: bool) -> Decimal:
        """What the buyer reads beside it."""
        return self.gross if tax_inclusive else self.net

    @property
    def is_nothing(self) -> bool:
        return not self.units and not any(each.net or each.tax for each in self.taxes)


@dataclass(frozen=True, slots=True)
class Owed:
    """What is to be invoiced and what is to be credited."""

    to_invoice: tuple[Position, ...]
    to_credit: tuple[Position, ...]


def positions_of(head: Row, lines: Sequence[Row], charges: Sequence[Row]) -> list[Position]:
    """What the order costs now, part by part: charged less credited. A discount counts below zero."""
    rates = _rates_of(head, lines, charges)
    found = []
    for line in lines:
        net, tax = _net_and_tax(
            head, line["line_total"] - line["credited_amount"], line["tax_amount"] - line["credited_tax"]
        )
        units = line["quantity"] - line["cancelled_quantity"] - line["credited_quantity"]
        taxes: tuple[Taxed, ...] = (Taxed(_rate(head, line, line["line_total"], rates), net, tax),)
        found.append(
            Position("line", line["n"], "goods", line["sku"], line["title"], units, line["unit_price"], taxes)
        )
    for charge in charges:
        sign = -1 if charge["kind"] == "discount" else 1
        amount = sign * (charge["amount"] - charge["credited_amount"])
        net, tax = _net_and_tax(head, amount, charge["tax_amount"] - charge["credited_tax"])
        taxes = _shared_out(charge, net, tax, head["currency"]) or (
            Taxed(_rate(head, charge, sign * charge["amount"], rates), net, tax),
        )
        found.append(
            Position("charge", charge["n"], charge["kind"], "", charge["label"], 0, abs(amount), taxes)
        )
    return found


def owed(now: Iterable[Position], billed: Iterable[Position]) -> Owed:
    """Compare what the order costs with what its documents say.

    A discount that shrinks because goods were given back belongs to the credit of those goods.
    """
    differences = [each for each in _differences(now, billed) if not each.is_nothing]
    goods = [each for each in differences if each.kind != "discount"]
    discounts = [each for each in differences if each.kind == "discount"]
    invoice = [each for each in goods if each.gross > 0 or (each.gross == 0 and each.units > 0)]
    credit = [each for each in goods if each not in invoice]
    for discount in discounts:
        belongs_to_credit = not invoice if discount.gross < 0 else bool(credit)
        (credit if belongs_to_credit else invoice).append(discount)
    return Owed(tuple(invoice), tuple(credit))


def sums_by_rate(positions: Iterable[Position]) -> list[Taxed]:
    """Net and tax of each rate, the highest first."""
    sums: defaultdict[Decimal, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for position in positions:
        for each in position.taxes:
            sums[each.rate][0] += each.net
            sums[each.rate][1] += each.tax
    return [Taxed(rate, net, tax) for rate, (net, tax) in sorted(sums.items(), reverse=True) if net or tax]


def packed(positions: Sequence[Position]) -> list[dict[str, Any]]:
    """Positions as JSON; amounts are texts, so that no digit is lost."""
    return [
        {
            "part": each.part, "n": each.n, "kind": each.kind, "sku": each.sku, "title": each.title, "units": each.units,
            "unit_price": str(each.unit_price),
            "taxes": [[str(tax.rate), str(tax.net), str(tax.tax)] for tax in each.taxes],
        }
        for each in positions
    ]  # fmt: skip


def unpacked(kept: Iterable[Mapping[str, Any]]) -> list[Position]:
    """The positions that ``packed`` wrote."""
    return [
        Position(
            each["part"], each["n"], each["kind"], each["sku"], each["title"], each["units"], Decimal(each["unit_price"]),
            tuple(Taxed(*map(Decimal, tax)) for tax in each["taxes"]),
        )
        for each in kept
    ]  # fmt: skip


def reversed_positions(billed: Iterable[Position]) -> list[Position]:
    """What takes everything back that the documents billed."""
    return [each for each in _differences([], billed) if not each.is_nothing]


def _differences(now: Iterable[Position], billed: Iterable[Position]) -> list[Position]:
    wanted = {position.key: position for position in now}
    sums: dict[Key, Position] = {}
    for position in billed:
        known = sums.get(position.key)
        sums[position.key] = position if known is None else _joined(known, position, 1)
    nothing = {key: replace(position, units=0, taxes=()) for key, position in sums.items()}
    return [
        _joined(wanted.get(key) or nothing[key], sums[key], -1) if key in sums else wanted[key]
        for key in dict.fromkeys((*wanted, *sums))
    ]


def _joined(one: Position, other: Position, sign: int) -> Position:
    rates: dict[Decimal, list[Decimal]] = {each.rate: [each.net, each.tax] for each in one.taxes}
    for each in other.taxes:
        mine = rates.setdefault(each.rate, [ZERO, ZERO])
        mine[0] += sign * each.net
        mine[1] += sign * each.tax
    taxes = tuple(Taxed(rate, net, tax) for rate, (net, tax) in rates.items() if net or tax)
    return replace(one, units=one.units + sign * other.units, taxes=taxes)


def _rates_of(head: Row, lines: Sequence[Row], charges: Sequence[Row]) -> Rates:
    """The rates of the order; those that its channel did not state are found by the largest amounts first."""
    single = [row for row in charges if not row["tax_by_rate"]]
    rates = Rates(
        head["currency"],
        tax_inclusive=head["tax_inclusive"],
        stated=[_plain(row["tax_rate"]) for row in (*lines, *single)],
        countries=(head.get("country_code"), head.get("merchant_country")),
    )
    for line in sorted(lines, key=lambda line: -abs(line["line_total"])):
        _rate(head, line, line["line_total"], rates)
    return rates


def _rate(head: Row, row: Row, whole: Decimal, rates: Rates) -> Decimal:
    return _plain(row["tax_rate"]) or rates.of(*_net_and_tax(head, whole, row["tax_amount"]))


def _net_and_tax(head: Row, amount: Decimal, tax: Decimal) -> tuple[Decimal, Decimal]:
    return (amount - tax if head["tax_inclusive"] else amount), tax


def _plain(rate: Decimal) -> Decimal:
    return rate.normalize() + 0


def _shared_out(charge: Row, net: Decimal, tax: Decimal, currency: str) -> tuple[Taxed, ...]:
    """What a charge at several rates bears at each; what was taken off it is taken off each in proportion."""
    kept: Mapping[str, Sequence[str]] = charge["tax_by_rate"] or {}
    nets, taxes = ([minor_of(Decimal(pair[place]), currency) for pair in kept.values()] for place in (0, 1))
    if not any(nets):
        return ()
    shares = zip(
        kept, share_out(minor_of(net, currency), nets), share_out(minor_of(tax, currency), taxes), strict=True
    )
    return tuple(
        Taxed(_plain(Decimal(rate)), money_of(own_net, currency), money_of(own_tax, currency))
        for rate, own_net, own_tax in shares
    )
