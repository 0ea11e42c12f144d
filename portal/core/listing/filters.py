"""What a list can be filtered by. A filter reads a value from the URL, makes a condition of it, and says it in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Final, Literal

import sqlalchemy as sa
from flask import g, has_app_context

from portal.core import formats
from portal.core.ids import floor_at
from portal.core.listing import dates
from portal.core.normalise import clean, next_key

Condition = sa.ColumnElement[bool]
Bound = Callable[[sa.ColumnElement[Any]], Condition]
Choices = Sequence[tuple[str, str]]
LONGEST_VALUE: Final = 200
YES_NO: Final = (("yes", "yes"), ("no", "no"))


class FilterValueError(ValueError):
    """A value that the filter cannot use; the text is a sentence that names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What every filter declares.

    Args:
        key, label: name in the URL, word on the screen.
        index: name of the index that serves the filter together with the default sort; None makes the filter bounded.
        personal: the value names a person (an e-mail); such a filter is never kept in a saved view.
        through: wraps the condition, for values that stand in another table:
            `through=lambda condition, within: Order.id.in_(select(Contact.order_id).where(…, condition, within(Contact.order_id)))`.
            `within(column)` is the id bound of the window that is being read, so that other partitions are not opened; use it on
            the column that equals the list's key, or leave it out.
        permission: shown only to who may.
    """

    key: str
    label: str
    expression: sa.ColumnElement[Any]
    index: str | None = None
    personal: bool = False
    through: Callable[[Condition, Bound], Condition] | None = None
    permission: str | None = None

    operators: ClassVar[dict[str, str]] = {"is": "is"}
    control: ClassVar[str] = "text"

    def condition(self, operator: str, value: str) -> Condition:
        """The condition for a value.

        Raises:
            FilterValueError: the operator or the value is none of this filter's.
        """
        if operator not in self.operators:
            raise FilterValueError(f"{self.label} cannot be compared with “{clean(operator)[:40]}”.")
        if len(value) > LONGEST_VALUE:
            raise FilterValueError(f"{self.label}: the value is too long.")
        try:
            return self._compare(operator, value)
        except (ValueError, InvalidOperation, OverflowError) as error:
            if isinstance(error, FilterValueError):
                raise
            raise FilterValueError(
                f"{self.label}: “{clean(value)[:60]}” {self._complaint(operator)}."
            ) from error

    def merge(self, operator: str, values: list[str]) -> Condition:
        """Alternatives of one operator in one condition, where that uses the index better."""
        return sa.or_(*(self.condition(operator, value) for value in values))

    def words(self, operator: str, value: str) -> str:
        """The value as the sentence over the list says it."""
        return clean(value)[:60]

    def choices(self) -> Choices:
        return ()

    def _compare(self, operator: str, value: str) -> Condition:
        raise NotImplementedError

    def _complaint(self, operator: str) -> str:
        return "is not a value it takes"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFilter(Filter):
    """Text in a normalised `COLLATE "C"` column: the whole of it, or its beginning.

    `normalise` is the function that filled the column (`portal.core.normalise`). A prefix is a range, which is leakproof and
    therefore uses its index under row-level security.
    """

    normalise: Callable[[str], str | None] = field(default=lambda text: clean(text).strip() or None)
    prefix: bool = True

    operators: ClassVar[dict[str, str]] = {"is": "is", "starts": "starts with"}

    def _compare(self, operator: str, value: str) -> Condition:
        key = self.normalise(value)
        if key is None:
            raise FilterValueError(f"{self.label} needs something to look for.")
        if operator == "is" or not self.prefix:
            return self.expression == key
        return sa.and_(self.expression >= key, self.expression < next_key(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceFilter(Filter):
    """One of few values. `options` is a sequence of (value, words), or a function that fetches it when the bar is drawn."""

    options: Choices | Callable[[], Choices]
    convert: type[str | int] = str

    operators: ClassVar[dict[str, str]] = {"is": "is", "not": "is not"}
    control: ClassVar[str] = "choice"

    def choices(self) -> Choices:
        return request_choices(self.key, self.options) if callable(self.options) else self.options

    def words(self, operator: str, value: str) -> str:
        return dict(self.choices()).get(value, clean(value)[:60])

    def merge(self, operator: str, values: list[str]) -> Condition:
        if operator != "is":
            return Filter.merge(self, operator, values)
        for value in values:
            self.condition(operator, value)
        return self.expression.in_([self.convert(value) for value in values])

    def _compare(self, operator: str, value: str) -> Condition:
        known = self.convert(value)
        # Choices of the code are checked; choices of the data are not fetched for it, an unknown one finds nothing.
        if not callable(self.options) and value not in dict(self.options):
            raise FilterValueError(f"{self.label} is none of its choices: “{clean(value)[:60]}”.")
        if isinstance(known, int) and abs(known) >= 2**63:
            raise ValueError("out of range")
        return self.expression == known if operator == "is" else self.expression != known


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFilter(Filter):
    """A number, compared as whole or decimal. With `currency` the bar shows it inside the field."""

    places: int = 0
    currency: str | None = None

    operators: ClassVar[dict[str, str]] = {"min": "is at least", "max": "is at most", "is": "is"}
    control: ClassVar[str] = "number"

    def words(self, operator: str, value: str) -> str:
        try:
            number = Decimal(value)
            return formats.money(number, self.currency) if self.currency else formats.number(number)
        except (InvalidOperation, ValueError):
            return clean(value)[:60]

    def _compare(self, operator: str, value: str) -> Condition:
        number = Decimal(value)
        if not number.is_finite() or abs(number) >= 10**14:
            raise ValueError("out of range")
        exact = number.quantize(Decimal(1).scaleb(-self.places))
        if exact != number:
            raise ValueError("too many places")
        typed = sa.literal(exact, sa.Numeric()) if self.places else sa.literal(int(exact), sa.BigInteger())
        match operator:
            case "min":
                return self.expression >= typed
            case "max":
                return self.expression <= typed
        return self.expression == typed

    def _complaint(self, operator: str) -> str:
        return (
            f"is not a number with at most {self.places} decimals" if self.places else "is not a whole number"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyFilter(NumberFilter):
    """An amount of money."""

    places: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFilter(Filter):
    """A time: a day, since, until, the last n days, this or the last week, month, year; days begin in the person's zone.

    `of="id"` compares a time-ordered id, which prunes partitions.
    """

    of: Literal["time", "id", "date"] = "time"

    operators: ClassVar[dict[str, str]] = {
        "last": "is",
        "in": "is",
        "on": "is on",
        "since": "is since",
        "until": "is until",
    }
    control: ClassVar[str] = "date"

    def words(self, operator: str, value: str) -> str:
        try:
            if operator == "last":
                return (
                    dates.RELATIVE.get(value)
                    or f"last {formats.plural(dates.days_back(value), 'day', 'days')}"
                )
            return dates.PERIODS[value] if operator == "in" else formats.day(dates.parse_day(value))
        except (ValueError, KeyError):
            return clean(value)[:60]

    def _compare(self, operator: str, value: str) -> Condition:
        first, after = dates.span(operator, value)
        limits = [self.expression >= self._limit(first)] if first else []
        if after:
            limits.append(self.expression < self._limit(after))
        return sa.and_(*limits)

    def _limit(self, moment: dt.datetime) -> Any:
        if self.of == "id":
            return sa.literal(floor_at(moment), sa.BigInteger())
        return (
            sa.literal(moment, sa.DateTime(timezone=True)) if self.of == "time" else dates.start_day(moment)
        )

    def _complaint(self, operator: str) -> str:
        return (
            "is not a date from 1990 on"
            if operator in ("on", "since", "until")
            else "is not a period it knows"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagFilter(Filter):
    """Yes or no, of any condition, an EXISTS too: `expression` is the condition itself."""

    control: ClassVar[str] = "flag"

    def choices(self) -> Choices:
        return YES_NO

    def _compare(self, operator: str, value: str) -> Condition:
        if value not in ("yes", "no"):
            raise ValueError("neither")
        return self.expression if value == "yes" else sa.not_(self.expression)

    def _complaint(self, operator: str) -> str:
        return "is neither yes nor no"


def request_choices(key: str, options: Callable[[], Choices]) -> Choices:
    """Choices that come from the data, fetched once per request for filters, chips and cells."""
    if not has_app_context():
        return options()
    fetched: dict[tuple[str, Callable[[], Choices]], Choices] = g.setdefault("list_choices", {})
    known = fetched.get((key, options))
    return known if known is not None else fetched.setdefault((key, options), options())
