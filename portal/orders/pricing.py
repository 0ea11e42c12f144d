"""What an order costs by the merchant's rules: voucher, tax, rounding, the worth of its currency. It writes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from portal.core.clock import utc_now
from portal.core.errors import DomainError
from portal.core.money import UnknownCurrencyError, minor_units, round_to_minor
from portal.orders.new_order import ZERO, NewContact, NewDiscount, NewLine, NewOrder, NewPayment
from portal.orders.tax.deciding import Decision, Sale, decide, included_rate, rate_of
from portal.orders.tax.facts import TaxFacts, arguments_for, facts_for
from portal.orders.tax.sales import destination_of, sale_of
from portal.orders.tax.vat_numbers import country_of, required_valid
from portal.orders.totals import Charge, Discount, Line, Rules, Totals, totals_of
from portal.orders.vouchers.checking import voucher_for

# Three digits less than the columns hold, so that taxes and the worth in another currency fit, too.
MOST_MONEY = Decimal(10**11)


@dataclass(frozen=True, slots=True)
class Priced:
    """An order with its amounts filled in; ``warnings`` are sentences for the staff who compose it."""

    order: NewOrder
    totals: Totals
    decision: Decision
    warnings: tuple[str, ...] = ()


def price(new: NewOrder, asked: TaxFacts | None = None) -> Priced:
    """Add *new* up by the rules that hold at its time.

    Args:
        asked: what the caller asked already, with the arguments of ``tax_arguments_of``.

    Raises:
        DomainError: the currency is unknown or the merchant keeps no rate for it, a price has too many decimals for it,
            the VAT number has a typing error, or the voucher cannot be used.
    """
    _check_currency(new)
    _check_amounts(new)
    facts = asked or facts_for(*_taxed(new))
    if facts.base_rate is None:
        raise DomainError(
            f"Record what {new.currency} is worth in {facts.base_currency} before you sell in it.",
            field="currency",
        )
    sale = sale_of(new.contacts, facts)
    decision = decide(sale, facts.rules, facts.rates)
    discounts = [*new.discounts]
    if new.voucher_code:
        goods = sum(
            (
                round_to_minor(line.unit_price * line.quantity - line.discount, new.currency)
                for line in new.lines
            ),
            Decimal(0),
        )
        discounts.append(voucher_for(new.voucher_code, goods, new.currency, new.placed_at or utc_now()))
    totals = totals_of(
        [_line(n, line, decision, sale, facts) for n, line in enumerate(new.lines, 1)],
        [
            Charge(
                n,
                each.kind,
                each.amount,
                tax_rate=rate_of(decision, _charge_class(each.kind, each.tax_class, facts), facts.rates),
                included_rate=included_rate(
                    decision, _charge_class(each.kind, each.tax_class, facts), sale, facts.rules, facts.rates
                ),
            )
            for n, each in enumerate(new.charges, 1)
        ],
        Rules(
            new.currency,
            new.tax_inclusive,
            facts.rules.rounding,  # type: ignore[arg-type]
            # What bears no tax bears none on its way either.
            "own" if decision.place is None else facts.rules.shipping_tax,  # type: ignore[arg-type]
            [
                Discount(each.label, each.percent, each.amount, each.on)  # type: ignore[arg-type]
                for each in discounts
            ],
        ),
    )
    return Priced(
        _filled(new, totals, decision, discounts, facts), totals, decision, _warnings(sale, decision)
    )


def tax_arguments_of(new: NewOrder) -> dict[str, Any]:
    """The arguments of ``TAX_FACTS`` for an order, for a statement that asks more."""
    return arguments_for(*_taxed(new))


def _taxed(new: NewOrder) -> tuple[list[str | None], str, dt.datetime, int | None]:
    place = destination_of(new.contacts)
    country = place.country_code if place else None
    return [country], new.currency, new.placed_at or utc_now(), new.channel_id


def _check_currency(new: NewOrder) -> None:
    try:
        places = minor_units(new.currency)
    except UnknownCurrencyError as error:
        raise DomainError(str(error), field="currency") from None
    for n, charge in enumerate(new.charges, 1):
        if charge.amount != round_to_minor(charge.amount, new.currency):
            raise DomainError(
                f"Charge {n}: {new.currency} is charged with {places or 'no'} decimals.", field="charges"
            )


def _check_amounts(new: NewOrder) -> None:
    """Refuse what no column of money could hold, and a discount that gives more than the line costs."""
    sum_of_all = sum((charge.amount for charge in new.charges), ZERO)
    for n, line in enumerate(new.lines, 1):
        costs = round_to_minor(line.unit_price * line.quantity, new.currency)
        if line.discount != round_to_minor(line.discount, new.currency):
            places = minor_units(new.currency)
            raise DomainError(
                f"Line {n}: {new.currency} is charged with {places or 'no'} decimals, its discount, too.",
                field="lines",
            )
        if line.discount > costs:
            raise DomainError(f"Line {n}: the discount is more than the line costs.", field="lines")
        sum_of_all += costs
    if sum_of_all > MOST_MONEY:
        raise DomainError(
            f"All of it together costs more than {MOST_MONEY:,} {new.currency}. Check the prices and the units.",
            field="lines",
        )


def _warnings(sale: Sale, decision: Decision) -> tuple[str, ...]:
    if not decision.is_rate_missing:
        return ()
    if sale.country == "US":
        return ("The address names no state, so no tax is charged.",)
    return (f"You keep no tax rate for {sale.country}, so no tax is charged.",)


def _charge_class(kind: str, tax_class: str | None, facts: TaxFacts) -> str:
    if tax_class:
        return tax_class
    if kind == "shipping":
        return facts.rules.shipping_class
    return "exempt" if kind in ("gift", "donation") else "standard"


def _line(n: int, line: NewLine, decision: Decision, sale: Sale, facts: TaxFacts) -> Line:
    tax_class = line.tax_class or "standard"
    return Line(
        n,
        line.quantity,
        line.unit_price,
        line.discount,
        rate_of(decision, tax_class, facts.rates),
        included_rate(decision, tax_class, sale, facts.rules, facts.rates),
    )


def _filled(
    new: NewOrder, totals: Totals, decision: Decision, discounts: Sequence[NewDiscount], facts: TaxFacts
) -> NewOrder:
    lines = [
        replace(
            line,
            unit_price=got.unit_price,
            discount=got.discount,
            shared_discount=got.discount - got.own_discount,
            tax_rate=got.tax_rate,
            tax_amount=got.tax_amount,
            tax_class=line.tax_class or "standard",
        )
        for line, got in zip(new.lines, totals.lines, strict=True)
    ]
    charges = [
        replace(
            each,
            amount=got.amount,
            discount=got.discount,
            tax_rate=got.tax_rate,
            tax_amount=got.tax_amount,
            tax_class=_charge_class(each.kind, each.tax_class, facts),
            tax_by_rate=got.kept_by_rate,
        )
        for each, got in zip(new.charges, totals.charges, strict=True)
    ]
    applied = [
        replace(each, amount_off=got.amount) for each, got in zip(discounts, totals.discounts, strict=True)
    ]
    payments = new.payments
    if new.payment_method and totals.total > 0:
        payments = (NewPayment(new.payment_method, totals.total, is_authorised=False),)
    return replace(
        new,
        contacts=[_with_checked_vat_id(each) for each in new.contacts],
        lines=lines,
        charges=charges,
        discounts=applied,
        payments=payments,
        base_currency=facts.base_currency,
        base_rate=facts.base_rate or Decimal(1),
        tax_treatment=decision.treatment,
        tax_rounding=facts.rules.rounding,
        shipping_tax="own" if decision.place is None else facts.rules.shipping_tax,
        by_rules=False,
    )


def _with_checked_vat_id(contact: NewContact) -> NewContact:
    number = required_valid(contact.vat_id, country=contact.country_code)
    return replace(contact, vat_id=number) if country_of(number) else contact
