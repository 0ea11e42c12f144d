"""A line or a charge while a change is worked out: what it comes to, and what the change puts on it and takes off.

Amounts are signed as they count in the order's total, so a discount is below zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from portal.core.money import minor_units
from portal.orders.changes.order_now import ChargeNow, LineNow
from portal.orders.totals import rounded, share_out

ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Part:
    """Args:
    value: what it comes to now, with tax inside when the order is priced so.
    tax: the tax of it.
    charged, credited: what the change puts on and takes off; likewise their taxes.
    is_in_parcels: a line, for which units are counted besides.
    """

    kind: Literal["line", "charge"]
    n: int
    currency: str
    tax_inclusive: bool
    value: Decimal
    tax: Decimal
    tax_rate: Decimal = ZERO
    charged: Decimal = ZERO
    charged_tax: Decimal = ZERO
    credited: Decimal = ZERO
    credited_tax: Decimal = ZERO
    added_units: int = 0
    cancelled_units: int = 0
    credited_units: int = 0
    back_units: int = 0
    released_units: int = 0
    fate: str | None = None
    location_id: int | None = None
    unit_price: Decimal | None = None
    discount: Decimal | None = None

    @property
    def gross(self) -> Decimal:
        """What the buyer pays for it."""
        return self.value if self.tax_inclusive else self.value + self.tax

    @property
    def charged_gross(self) -> Decimal:
        return self.charged if self.tax_inclusive else self.charged + self.charged_tax

    @property
    def credited_gross(self) -> Decimal:
        return self.credited if self.tax_inclusive else self.credited + self.credited_tax

    @property
    def is_touched(self) -> bool:
        units = self.added_units or self.cancelled_units or self.credited_units or self.back_units
        terms = self.unit_price is not None or self.discount is not None
        return bool(units or terms or self.charged or self.credited or self.charged_tax or self.credited_tax)

    def charge(self, value: Decimal) -> None:
        """Put *value* on it, with the tax that its rate asks for."""
        tax = self._tax_on(value)
        self.value, self.tax = self.value + value, self.tax + tax
        self.charged, self.charged_tax = self.charged + value, self.charged_tax + tax

    def credit(self, value: Decimal) -> None:
        """Take *value* off, and its share of the tax; all of the tax with the last cent."""
        tax = (
            self.tax
            if value == self.value
            else rounded(Fraction(self.tax) * Fraction(value) / Fraction(self.value), self.currency)
        )
        self._take(value, tax)

    def credit_gross(self, gross: Decimal) -> None:
        """Take off what the buyer paid, split into value and tax as the whole is."""
        if self.tax_inclusive or gross == self.gross:
            self.credit(self.value if gross == self.gross else gross)
            return
        tax = rounded(Fraction(self.tax) * Fraction(gross) / Fraction(self.gross), self.currency)
        self._take(gross - tax, tax)

    def credit_share(self, units: int, of: int) -> Decimal:
        """Take off the part of *units* of so many; gives it. The last units take what rounding has left."""
        value = self.value if units == of else rounded(Fraction(self.value) * units / of, self.currency)
        if value:
            self.credit(value)
        return value

    def put_back(self, gross: Decimal) -> None:
        """Undo so much of what this change took off."""
        whole = self.credited_gross
        share = Fraction(gross) / Fraction(whole)
        tax = rounded(Fraction(self.credited_tax) * share, self.currency)
        self._take(-(gross if self.tax_inclusive else gross - tax), -tax)

    def restore(self, value: Decimal, tax: Decimal) -> None:
        """Put back what earlier changes took off."""
        self._take(-value, -tax)

    def _take(self, value: Decimal, tax: Decimal) -> None:
        self.value, self.tax = self.value - value, self.tax - tax
        self.credited, self.credited_tax = self.credited + value, self.credited_tax + tax

    def _tax_on(self, value: Decimal) -> Decimal:
        rate = Fraction(self.tax_rate)
        if rate:
            return rounded(
                Fraction(value) * (rate / (1 + rate) if self.tax_inclusive else rate), self.currency
            )
        if self.value and self.tax:
            return rounded(Fraction(value) * Fraction(self.tax) / Fraction(self.value), self.currency)
        return ZERO


def line_part(line: LineNow, currency: str, tax_inclusive: bool) -> Part:
    return Part("line", line.n, currency, tax_inclusive, line.amount, line.tax, line.tax_rate)


def charge_part(charge: ChargeNow, currency: str, tax_inclusive: bool) -> Part:
    sign = -1 if charge.kind == "discount" else 1
    # What it bears now says more than its rate, which is an average when it follows goods of several rates.
    rate = ZERO if charge.amount and charge.tax else charge.tax_rate
    return Part("charge", charge.n, currency, tax_inclusive, sign * charge.amount, charge.tax, rate)


def take_off(parts: Iterable[Part], gross: Decimal) -> None:
    """Take *gross* off, shared out over what the parts come to."""
    chosen = [part for part in parts if part.gross > 0]
    if not chosen or not gross:
        return
    decimals = minor_units(chosen[0].currency)
    shares = share_out(int(gross.scaleb(decimals)), [int(part.gross.scaleb(decimals)) for part in chosen])
    for part, share in zip(chosen, shares, strict=True):
        if share:
            part.credit_gross(Decimal(share).scaleb(-decimals))
