"""Amounts cut to minor units and shared out so that the parts sum to the whole. Exact: fractions in, whole cents out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from portal.core.money import minor_units


def rounded(amount: Decimal | Fraction, currency: str) -> Decimal:
    """*amount* as it can be charged, halves away from zero."""
    return money_of(nearest(Fraction(amount) * 10 ** minor_units(currency)), currency)


def share_out(whole: int, weights: Sequence[int]) -> list[int]:
    """Split *whole* minor units in proportion to *weights*: the parts sum to it, and none is off by a whole unit.

    Largest remainder; of equal ones the earlier first. No part exceeds its weight while *whole* is at most their sum.

    Raises:
        ValueError: a weight is negative, or none is above zero while there is something to split.
    """
    total = sum(weights)
    if any(weight < 0 for weight in weights) or (total == 0 and whole != 0):
        raise ValueError("Weights must not be negative, and one must be above zero.")
    if total == 0:
        return [0 for _ in weights]
    if whole < 0:
        return [-part for part in share_out(-whole, weights)]
    parts = [whole * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(whole * weights[i] % total), i))
    for index in by_remainder[: whole - sum(parts)]:
        parts[index] += 1
    return parts


def part_of_units(amount: Decimal, *, units: int, of: int, before: int = 0, currency: str) -> Decimal:
    """The part of *amount* that belongs to *units* of a line *of* so many, after *before* units had theirs.

    However a line is taken apart, its parts sum to *amount*: three units of 10.00 are 3.33, 3.34 and 3.33.

    Raises:
        ValueError: there are not so many units.
    """
    if of <= 0 or units < 0 or before < 0 or before + units > of:
        raise ValueError(f"There are no {units} units after {before} of {of}.")
    so_far = rounded(Fraction(amount) * before / of, currency)
    return rounded(Fraction(amount) * (before + units) / of, currency) - so_far


def minor_of(amount: Decimal, currency: str) -> int:
    return int(amount.scaleb(minor_units(currency)))


def money_of(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-minor_units(currency))


def to_digits(value: Fraction, digits: int) -> Decimal:
    return Decimal(nearest(value * 10**digits)).scaleb(-digits)


def nearest(value: Fraction) -> int:
    """The nearest whole number, halves away from zero."""
    whole = (abs(value) + Fraction(1, 2)).__floor__()
    return -whole if value < 0 else whole
