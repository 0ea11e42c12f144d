"""Where the marks of a chart stand: lines, bars, stacks and sparks as numbers that a template draws as SVG.

Across, positions are per cent of the width, so a chart fills whatever box it is put into and its text keeps its size;
down, they are pixels. Bars grow from zero, always. A missing value is a gap, never a zero.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from flask import Flask

from portal.core import formats

Value = Decimal | int | float | None
Label = dt.date | dt.datetime | str
Kind = Literal["line", "bar", "stack"]

TOP: Final = 10
BOTTOM: Final = 24
LABEL_GAP: Final = 14
TONES: Final = 5
SPAN: Final = 1000


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: pixels down for values, per cent across for labels."""

    at: float
    text: str
    is_spare: bool = False
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle: x and width in per cent, y and height in pixels."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line in a box `SPAN` wide, with its name at its end; single points stand as dots."""

    path: str
    tone: str
    name: str
    end: float
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A column that can be read by pointer or keyboard."""

    x: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """All a template needs to draw it, and the table behind it."""

    height: int
    base: float
    ticks: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    hits: tuple[Hit, ...]
    keys: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    summary: str

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.hits


def plot(
    kind: Kind,
    labels: Sequence[Label],
    series: Sequence[Mapping[str, Any]],
    *,
    currency: str | None = None,
    height: int = 220,
) -> Chart:
    """Place a chart.

    Args:
        kind: what is drawn for the series; a previous period is a line behind lines and a bar beside bars.
        labels: what stands along the bottom, one for each value.
        series: each with `name`, `values` and, for the period before, `previous: True`.
        currency: the values are money in this currency.
        height: of the drawing, in pixels, its labels included.
    """
    names = [str(one["name"]) for one in series]
    previous = [bool(one.get("previous", False)) for one in series]
    values = [_numbers(one["values"]) for one in series]
    tones = _tones(previous)
    floor, ceiling, step = _scale(kind, values, previous)
    top, bottom = TOP, height - BOTTOM

    def down(value: float) -> float:
        return round(bottom - (value - floor) / (ceiling - floor) * (bottom - top), 1)

    words = [_label(label) for label in labels]
    texts = [[_text(value, currency) for value in one["values"]] for one in series]
    lines = [_line(one, names[i], tones[i], down) for i, one in enumerate(values)] if kind == "line" else []
    return Chart(
        height=height,
        base=down(max(floor, min(0.0, ceiling))),
        ticks=tuple(Tick(down(tick), formats.compact(tick)) for tick in _ticks(floor, ceiling, step)),
        labels=_bottom_labels(words),
        bars=tuple(_bars(kind, values, previous, tones, down)),
        lines=tuple(sorted(_apart(lines, bottom), key=lambda line: line.tone != "previous")),
        hits=tuple(_hits(words, names, texts)),
        keys=tuple(zip(names, tones, strict=True)),
        columns=tuple(names),
        rows=tuple((word, tuple(one[i] for one in texts)) for i, word in enumerate(words)),
        summary=_summary(words, names, values, texts),
    )


def spark(values: Sequence[Value], width: int = 96, height: int = 24) -> str:
    """The path of a small line without axes."""
    numbers = _numbers(values)
    known = [number for number in numbers if number is not None]
    if len(known) < 2:
        return ""
    low, high = min(0.0, *known), max(known)
    reach = (high - low) or 1.0
    across = (width - 2) / max(1, len(numbers) - 1)
    points = [
        None
        if number is None
        else (round(1 + i * across, 1), round(height - 2 - (number - low) / reach * (height - 4), 1))
        for i, number in enumerate(numbers)
    ]
    return _path(points)


def init_charts(app: Flask) -> None:
    """Let the chart macros place their marks."""
    app.jinja_env.globals.update(plot_chart=plot, spark_path=spark)


def _numbers(values: Sequence[Value]) -> list[float | None]:
    return [None if value is None else float(value) for value in values]


def _tones(previous: Sequence[bool]) -> list[str]:
    tones, at = [], 0
    for is_previous in previous:
        tones.append("previous" if is_previous else str(at % TONES + 1))
        at += not is_previous
    return tones


def _scale(
    kind: Kind, values: Sequence[Sequence[float | None]], previous: Sequence[bool]
) -> tuple[float, float, float]:
    """Lowest and highest value of the axis, and the step between its marks; zero is in unless a line stays far from it."""
    known = [value for one in values for value in one if value is not None]
    if kind == "stack":
        now = [one for one, before in zip(values, previous, strict=True) if not before]
        columns = [[value for value in column if value is not None] for column in zip(*now, strict=True)]
        known += [sum(value for value in column if value > 0) for column in columns]
        known += [sum(value for value in column if value < 0) for column in columns]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if kind != "line" or low < high * 0.7:
        low, high = min(0.0, low), max(0.0, high)
    if low == high:
        high = low + (abs(low) or 1.0)
    step = _round_step((high - low) / 4)
    if all(value == int(value) for value in known):
        step = max(1.0, step)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def _round_step(rough: float) -> float:
    power = float(10 ** math.floor(math.log10(rough)))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * 0.999)


def _ticks(floor: float, ceiling: float, step: float) -> list[float]:
    return [round(floor + i * step, 10) for i in range(round((ceiling - floor) / step) + 1)]


def _bottom_labels(words: Sequence[str]) -> tuple[Tick, ...]:
    """At most seven labels, spread evenly; every second one is spare and gives way on a narrow screen."""
    if not words:
        return ()
    stride = max(1, math.ceil(len(words) / 7))
    shown = range(0, len(words), stride)
    slot = 100 / len(words)
    return tuple(
        Tick(
            round((i + 0.5) * slot, 2),
            words[i],
            is_spare=n % 2 == 1,
            anchor="start" if len(words) > 12 and i == 0 else "middle",
        )
        for n, i in enumerate(shown)
    )


def _bars(
    kind: Kind,
    values: Sequence[Sequence[float | None]],
    previous: Sequence[bool],
    tones: Sequence[str],
    down: Any,
) -> list[Bar]:
    if kind == "line" or not values or not values[0]:
        return []
    slot = 100 / len(values[0])
    room = slot * 0.76
    is_stack = kind == "stack"
    lanes = 1 if is_stack else len(values)
    wide = room / lanes
    bars = []
    for i in range(len(values[0])):
        up = under = 0.0
        for lane, one in enumerate(values):
            value = one[i]
            if value is None or value == 0 or (is_stack and previous[lane]):
                continue
            start = (up if value > 0 else under) if is_stack else 0.0
            x = i * slot + (slot - room) / 2 + (0 if is_stack else lane * wide)
            first, second = down(start), down(start + value)
            bars.append(
                Bar(
                    round(x, 3),
                    min(first, second),
                    round(wide * (1 if lanes == 1 else 0.94), 3),
                    max(1.0, round(abs(first - second), 1)),
                    tones[lane],
                )
            )
            if value > 0:
                up += value
            else:
                under += value
    return bars


def _line(values: Sequence[float | None], name: str, tone: str, down: Any) -> Line:
    slot = SPAN / max(1, len(values))
    points = [
        None if value is None else (round((i + 0.5) * slot, 1), float(down(value)))
        for i, value in enumerate(values)
    ]
    known = [point for point in points if point is not None]
    lonely = tuple(
        (round(point[0] / SPAN * 100, 2), point[1])
        for i, point in enumerate(points)
        if point is not None
        and (i == 0 or points[i - 1] is None)
        and (i + 1 == len(points) or points[i + 1] is None)
    )
    return Line(_path(points), tone, name, known[-1][1] if known else 0.0, lonely)


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    steps, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        steps.append(f"{pen}{point[0]:g} {point[1]:g}")
        pen = "L"
    return "".join(steps)


def _apart(lines: Sequence[Line], bottom: int) -> list[Line]:
    """Move the names at the line ends so far apart that each can be read."""
    ordered = sorted(lines, key=lambda line: line.end)
    placed: list[Line] = []
    for line in ordered:
        at = max(line.end, placed[-1].end + LABEL_GAP) if placed else line.end
        placed.append(Line(line.path, line.tone, line.name, at, line.dots))
    limit = float(bottom)
    for i in reversed(range(len(placed))):
        line = placed[i]
        placed[i] = Line(line.path, line.tone, line.name, round(min(line.end, limit), 1), line.dots)
        limit = placed[i].end - LABEL_GAP
    return placed


def _hits(words: Sequence[str], names: Sequence[str], texts: Sequence[Sequence[str]]) -> list[Hit]:
    slot = 100 / max(1, len(words))
    alone = len(names) == 1
    return [
        Hit(
            round(i * slot, 3),
            round(slot, 3),
            f"{word}: "
            + ", ".join(
                one[i] if alone else f"{name} {one[i]}" for name, one in zip(names, texts, strict=True)
            ),
        )
        for i, word in enumerate(words)
    ]


def _summary(
    words: Sequence[str],
    names: Sequence[str],
    values: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
) -> str:
    """What a person who does not see the drawing should hear first."""
    if not words or not values:
        return "No data."
    said = []
    for name, one, text in zip(names, values, texts, strict=True):
        known = [(value, i) for i, value in enumerate(one) if value is not None]
        if known:
            high, low = max(known, key=lambda pair: pair[0])[1], min(known, key=lambda pair: pair[0])[1]
            said.append(f"{name}: highest {text[high]} on {words[high]}, lowest {text[low]} on {words[low]}.")
    return " ".join([f"{words[0]} to {words[-1]}.", *said])


def _label(label: Label) -> str:
    return label if isinstance(label, str) else formats.day(label)


def _text(value: Value, currency: str | None) -> str:
    if value is None:
        return formats.NOTHING
    return formats.money(value, currency) if currency else formats.number(value)
