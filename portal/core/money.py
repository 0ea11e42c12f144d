"""Money: an amount in a currency. Mixing currencies raises, dividing loses nothing in silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.core import get_global
from babel.numbers import get_currency_precision


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies met in one sum or comparison."""


class UnknownCurrencyError(ValueError):
    """The code is no ISO 4217 currency."""


@lru_cache(maxsize=512)
def minor_units(currency: str) -> int:
    """Digits after the point that *currency* is charged in: 2 for GBP, 0 for JPY, 3 for KWD (CLDR)."""
    if currency not in get_global("all_currencies"):
        raise UnknownCurrencyError(
            f"{currency!r} is no currency code. Use the three letters of ISO 4217, such as GBP."
        )
    return get_currency_precision(currency)


def round_to_minor(amount: Decimal, currency: str) -> Decimal:
    """*amount* as it can be charged, halves away from zero as invoices do."""
    return amount.quantize(Decimal(1).scaleb(-minor_units(currency)), rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount in one currency."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError("Money takes a Decimal, never a float.")
        minor_units(self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, factor: int | Decimal) -> Money:
        return Money(self.amount * factor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def rounded(self) -> Money:
        """The amount as it can be charged."""
        return Money(round_to_minor(self.amount, self.currency), self.currency)

    def allocate(self, weights: Sequence[Decimal]) -> list[Money]:
        """Split into charged parts in proportion to *weights*, so that the parts sum to the whole.

        The largest-remainder method: each part is rounded down, the cents left over go to the largest remainders.

        Raises:
            ValueError: there is no weight above zero, or one below.
        """
        total = sum(weights, Decimal(0))
        if total <= 0 or any(weight < 0 for weight in weights):
            raise ValueError("Weights must not be negative, and one must be above zero.")
        unit = Decimal(1).scaleb(-minor_units(self.currency))
        whole = int((self.rounded().amount / unit).to_integral_value())
        sign, whole = (-1, -whole) if whole < 0 else (1, whole)
        shares = [whole * weight / total for weight in weights]
        parts = [int(share) for share in shares]
        by_remainder = sorted(range(len(weights)), key=lambda i: (parts[i] - shares[i], i))
        for index in by_remainder[: whole - sum(parts)]:
            parts[index] += 1
        return [Money(sign * part * unit, self.currency) for part in parts]

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency} cannot be added or compared.")
        return other.amount


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of *amounts*, all of which must be in *currency*; zero when there are none."""
    result = Money(Decimal(0), currency)
    for amount in amounts:
        result = result + amount
    return result
