"""The tax rate behind an amount whose rate nobody stated, as channels send tax without one. Pure.

Dividing tax by net is no answer: 1.60 on 8.39 is 19.07 %, and no invoice may say so. The rate is one that gives exactly
this tax: one that is known in the order or usual in its countries, else the plainest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from portal.orders.rounding import money_of, rounded
from portal.orders.tax.standard_rates import offered

ZERO: Final = Decimal(0)
# Whole per cents before tenths, tenths before hundredths.
_STEPS: Final = (Decimal("0.01"), Decimal("0.001"), Decimal("0.0001"), Decimal("0.00001"))


class Rates:
    """Finds the rates of one order.

    Args:
        stated: rates that the order states itself.
        countries: where it is taxed, the likeliest first.
    """

    def __init__(
        self, currency: str, *, tax_inclusive: bool, stated: Iterable[Decimal] = (), countries: Sequence[str | None] = ()
    ) -> None:  # fmt: skip
        self._currency, self._tax_inclusive = currency, tax_inclusive
        self._unit = money_of(1, currency)
        usual = [
            each.rate
            for country in countries
            for each in offered()
            if country and each.country_code == country and not each.region
        ]
        self._known = [rate for rate in dict.fromkeys((*stated, *usual)) if rate]

    def of(self, net: Decimal, tax: Decimal) -> Decimal:
        """The rate of an amount and its tax; what it finds is known from then on, so ask for the largest first."""
        if not tax or not net:
            return ZERO
        found = self._nearest_known(net, tax) or self._plainest(net, tax)
        if found not in self._known:
            self._known.append(found)
        return found

    def _nearest_known(self, net: Decimal, tax: Decimal) -> Decimal | None:
        """A known rate that gives this tax, or misses it by the one cent that rounding elsewhere may cost."""
        misses = [(self._miss(rate, net, tax), rate) for rate in self._known]
        # Of two that do as well the one that is known longer.
        miss, rate = min(misses, key=lambda each: each[0], default=(None, None))
        return rate if miss is not None and miss <= self._unit else None

    def _plainest(self, net: Decimal, tax: Decimal) -> Decimal:
        exact = tax / net
        steps = (exact.quantize(step) for step in _STEPS)
        fitting = (rate for rate in steps if rate and not self._miss(rate, net, tax))
        return next(fitting, exact.quantize(_STEPS[-1]))

    def _miss(self, rate: Decimal, net: Decimal, tax: Decimal) -> Decimal:
        """By how much the tax at this rate is another one."""
        fraction = Fraction(rate)
        worked_out = (
            Fraction(net + tax) * fraction / (1 + fraction)
            if self._tax_inclusive
            else Fraction(net) * fraction
        )
        return abs(rounded(worked_out, self._currency) - tax)
