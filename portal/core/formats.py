"""How numbers, money and times read on a page: by Babel's rules, in the merchant's locale and zone, with cached patterns.

A list shows hundreds of amounts and dates, and Babel spends tens of microseconds on each. Amounts therefore go through a
pattern that was compared with Babel's own answer when it was made (a locale with other rules falls back to Babel), and
dates are remembered by day and by minute.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_timezone_name
from babel.numbers import (
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
    get_decimal_symbol,
    get_group_symbol,
)
from flask import Flask, g, has_app_context

from portal.core.clock import utc_now
from portal.core.money import round_to_minor

Number = Decimal | int | float
NOTHING = "–"
# A figure below zero has the sign of minus, not the hyphen; files and interfaces for machines keep the hyphen.
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Region:
    """Whose habits a page follows."""

    locale: str = "en_GB"
    zone: str = "UTC"

    @property
    def direction(self) -> str:
        """ "rtl" or "ltr"."""
        return str(Locale.parse(self.locale).text_direction)

    @property
    def language(self) -> str:
        """The `lang` of a page, as in "en-GB"."""
        return self.locale.replace("_", "-")


DEFAULT_REGION = Region()
_region: ContextVar[Region | None] = ContextVar("region", default=None)


def current_region() -> Region:
    """The region of `in_region`, else of the request (`g.region`, set at sign-in), else the default."""
    inner = _region.get()
    if inner is not None:
        return inner
    chosen: Region | None = g.get("region") if has_app_context() else None
    return chosen or DEFAULT_REGION


@contextmanager
def in_region(region: Region) -> Iterator[None]:
    """Format as this merchant or this customer does: for jobs and mails."""
    token = _region.set(region)
    try:
        yield
    finally:
        _region.reset(token)


# Numbers


def money(amount: Number | None, currency: str) -> str:
    """An amount with its currency: £1,234.50."""
    if amount is None:
        return NOTHING
    return _money_writer(current_region().locale, currency)(Decimal(amount))


def price(amount: Decimal, currency: str) -> str:
    """A unit price, with as many decimals as it has but those of the currency at least: £1.50, £0.0125."""
    if amount == round_to_minor(amount, currency):
        return money(amount, currency)
    exact = format_currency(
        amount.normalize(), currency, locale=current_region().locale, currency_digits=False, decimal_quantization=False
    )  # fmt: skip
    return _signed(exact, amount)


def number(value: Number | None, places: int | None = None) -> str:
    """A number with grouping; `places` fixes the decimals, else up to three are shown."""
    if value is None:
        return NOTHING
    if places is None and isinstance(value, int):
        return _whole(current_region().locale, value)
    if places is None:
        exact = Decimal(str(value))
        places = min(3, max(0, -int(exact.normalize().as_tuple().exponent)))
    return _number_writer(current_region().locale, places)(Decimal(str(value)))


def exact(value: Decimal | int) -> str:
    """A number with as many decimals as it has, for papers and rates: 1.173205."""
    text = format_decimal(value, locale=current_region().locale, decimal_quantization=False)
    return _signed(text, Decimal(value))


def change(value: int | None) -> str | None:
    """So many more or fewer, with its sign; None where nothing changed."""
    return f"{'+' if value > 0 else MINUS}{number(abs(value))}" if value else None


@lru_cache(maxsize=10_000)
def _whole(locale: str, value: int) -> str:
    return _number_writer(locale, 0)(Decimal(value))


def percent(ratio: Number | None, places: int = 1, *, signed: bool = False) -> str:
    """A ratio as per cent: 0.123 → 12.3%; whole figures lose the decimals."""
    if ratio is None:
        return NOTHING
    pattern = "#,##0" + ("." + "#" * places if places else "") + "%"
    text = format_percent(abs(Decimal(str(ratio))), format=pattern, locale=current_region().locale)
    sign = MINUS if float(ratio) < 0 else "+" if signed and float(ratio) > 0 else ""
    return sign + text


def capped(count: int | None, cap: int = 10_000) -> str:
    """A count that stops at the cap: 10,000+."""
    if count is None:
        return NOTHING
    return number(min(count, cap)) + ("+" if count > cap else "")


def plural(count: int, one: str, many: str) -> str:
    """1 order, 2 orders."""
    return f"{number(count)} {one if count == 1 else many}"


def compact(value: Number | None) -> str:
    """A short number for axes: 1.2M."""
    if value is None:
        return NOTHING
    exact = Decimal(str(value))
    if abs(exact) < 1000:
        return number(round(exact, 3))
    return _signed(format_compact_decimal(exact, locale=current_region().locale, fraction_digits=1), exact)


def filesize(size: int | None) -> str:
    """Bytes as people say them: 1.4 MB."""
    if size is None:
        return NOTHING
    value, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{number(round(value, 1) if units[0] != 'bytes' else int(value))} {units[0]}"


# Times


def when(moment: dt.datetime | None) -> str:
    """Short: the hour today, day and hour this year, the day before that."""
    if moment is None:
        return NOTHING
    region = current_region()
    local, today = moment.astimezone(_zone(region.zone)), utc_now().astimezone(_zone(region.zone))
    hour = _minute(region.locale, local.hour, local.minute)
    if local.date() == today.date():
        return hour
    if local.year == today.year:
        return f"{_day(region.locale, local.date(), 'MMMd')}, {hour}"
    return _day(region.locale, local.date(), "yMMMd")


def when_long(moment: dt.datetime | None) -> str:
    """Day, year and minute, without the zone: for details and confirmations."""
    if moment is None:
        return NOTHING
    region = current_region()
    local = moment.astimezone(_zone(region.zone))
    return f"{_day(region.locale, local.date(), 'yMMMd')}, {_minute(region.locale, local.hour, local.minute)}"


def when_full(moment: dt.datetime | None) -> str:
    """Weekday, date, second and zone: what stands behind every short time."""
    if moment is None:
        return NOTHING
    region = current_region()
    local = moment.astimezone(_zone(region.zone))
    zone = _zone_name(region.locale, region.zone, local.replace(minute=0, second=0, microsecond=0))
    second = _second(region.locale, local.time().replace(microsecond=0, tzinfo=None))
    return f"{_day(region.locale, local.date(), 'full')}, {second} {zone}"


def day(date: dt.date | dt.datetime | None) -> str:
    """A date; the year is left out while it is this year's."""
    if date is None:
        return NOTHING
    region = current_region()
    zone = _zone(region.zone)
    plain = date.astimezone(zone).date() if isinstance(date, dt.datetime) else date
    this_year = plain.year == utc_now().astimezone(zone).year
    return _day(region.locale, plain, "MMMd" if this_year else "yMMMd")


def clock(moment: dt.datetime | None) -> str:
    """Hour and minute."""
    if moment is None:
        return NOTHING
    local = moment.astimezone(_zone(current_region().zone))
    return _minute(current_region().locale, local.hour, local.minute)


def iso(moment: dt.datetime | dt.date | None) -> str:
    """For machines: the `datetime` attribute."""
    if moment is None:
        return ""
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return moment.isoformat()


def duration(seconds: Number | dt.timedelta | None) -> str:
    """How long something took or will take: 3 min 20 s."""
    if seconds is None:
        return NOTHING
    exact = seconds.total_seconds() if isinstance(seconds, dt.timedelta) else seconds
    if 0 < exact < 1:
        return "less than 1 s"
    total = int(exact)
    parts = [
        (total // 86_400, "d"),
        (total % 86_400 // 3600, "h"),
        (total % 3600 // 60, "min"),
        (total % 60, "s"),
    ]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{value} {unit}" for value, unit in parts[:2] if value or len(parts) == 1)


def init_formats(app: Flask) -> None:
    """Give the templates these functions as filters, and the region."""
    filters: dict[str, Callable[..., str | None]] = {
        "money": money,
        "number": number,
        "change": change,
        "percent": percent,
        "capped": capped,
        "plural": plural,
        "filesize": filesize,
        "compact": compact,
        "when": when,
        "when_long": when_long,
        "when_full": when_full,
        "day": day,
        "clock": clock,
        "iso": iso,
        "duration": duration,
    }
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals["current_region"] = current_region


# Patterns, each made once

Writer = Callable[[Decimal], str]
_PROBES = tuple(
    Decimal(text) for text in ("0", "0.5", "-0.5", "12.345", "999", "1234.56", "-98765.4", "1234567890.123")
)


@lru_cache(maxsize=512)
def _money_writer(locale: str, currency: str) -> Writer:
    def by_babel(amount: Decimal) -> str:
        return _signed(format_currency(amount, currency, locale=locale), amount)

    places = get_currency_precision(currency)
    positive, negative = by_babel(Decimal(1)), by_babel(Decimal(-1))
    return _checked(_by_pattern(locale, places, positive, negative), by_babel)


@lru_cache(maxsize=256)
def _number_writer(locale: str, places: int) -> Writer:
    pattern = "#,##0" + ("." + "0" * places if places else "")

    def by_babel(value: Decimal) -> str:
        return _signed(format_decimal(value, format=pattern, locale=locale), value)

    return _checked(_by_pattern(locale, places, by_babel(Decimal(1)), by_babel(Decimal(-1))), by_babel)


def _signed(text: str, value: Decimal) -> str:
    """What Babel wrote, with the sign of minus where it took the hyphen."""
    return text.replace("-", MINUS, 1) if value < 0 else text


def _by_pattern(locale: str, places: int, positive: str, negative: str) -> Writer:
    """A writer made from how Babel writes 1 and −1: what stands around the digits, and the two marks."""
    group, point = get_group_symbol(locale), get_decimal_symbol(locale)
    one = "1" + (point + "0" * places if places else "")
    before, _, after = positive.partition(one)
    before_minus, _, after_minus = negative.partition(one)
    marks = str.maketrans({",": group, ".": point})
    unit = Decimal(1).scaleb(-places)

    def write(value: Decimal) -> str:
        digits = f"{abs(value).quantize(unit, ROUND_HALF_EVEN):,.{places}f}".translate(marks)
        return before_minus + digits + after_minus if value < 0 else before + digits + after

    return write


def _checked(quick: Writer, by_babel: Writer) -> Writer:
    return quick if all(quick(probe) == by_babel(probe) for probe in _PROBES) else by_babel


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=8192)
def _day(locale: str, date: dt.date, style: str) -> str:
    if style == "full":
        return format_date(date, "full", locale=locale)
    return format_skeleton(style, dt.datetime.combine(date, dt.time()), locale=locale)


@lru_cache(maxsize=8192)
def _minute(locale: str, hour: int, minute: int) -> str:
    return format_time(dt.time(hour, minute), "short", locale=locale)


@lru_cache(maxsize=8192)
def _second(locale: str, time: dt.time) -> str:
    return format_time(time, "medium", locale=locale)


@lru_cache(maxsize=1024)
def _zone_name(locale: str, zone: str, hour: dt.datetime) -> str:
    return get_timezone_name(hour, width="short", locale=locale, zone_variant=None) or zone
