from __future__ import annotations

import datetime as dt

import pytest

from portal.core.charts import plot, spark


def series(*values: float | None, name: str = "Now", previous: bool = False) -> dict[str, object]:
    return {"name": name, "values": list(values), "previous": previous}


def test_bars_stand_on_zero_whatever_their_values() -> None:
    chart = plot("bar", ["a", "b"], [series(100, 104)])
    assert chart.ticks[0].text == "0"
    first, second = chart.bars
    assert first.y + first.height == pytest.approx(chart.base)
    assert second.height / first.height == pytest.approx(1.04, abs=0.01)


def test_a_bar_below_zero_hangs_from_the_same_base() -> None:
    chart = plot("bar", ["a", "b"], [series(10, -5)])
    above, below = chart.bars
    assert above.y + above.height == pytest.approx(chart.base, abs=0.1)
    assert below.y == pytest.approx(chart.base, abs=0.1)
    assert below.height == pytest.approx(above.height / 2, abs=0.2)


def test_a_stack_is_as_high_as_its_sum() -> None:
    chart = plot("stack", ["a"], [series(3, name="Web"), series(4, name="POS")])
    whole = plot("bar", ["a"], [series(7)])
    assert sum(bar.height for bar in chart.bars) == pytest.approx(whole.bars[0].height, abs=0.2)


def test_a_missing_value_is_a_gap_and_a_lonely_one_a_dot() -> None:
    chart = plot("line", ["a", "b", "c", "d", "e"], [series(1, 2, None, 3, None)])
    assert chart.lines[0].path.count("M") == 2
    assert len(chart.lines[0].dots) == 1
    assert chart.rows[2] == ("c", ("–",))


def test_the_period_before_is_grey_and_drawn_first() -> None:
    chart = plot("line", ["a", "b"], [series(1, 2), series(2, 1, name="Before", previous=True)])
    assert [line.tone for line in chart.lines] == ["previous", "1"]


def test_names_at_line_ends_never_cover_each_other() -> None:
    chart = plot("line", ["a", "b"], [series(5, 10, name=str(n)) for n in range(4)])
    ends = sorted(line.end for line in chart.lines)
    assert all(after - before >= 13.9 for before, after in zip(ends, ends[1:], strict=False))


@pytest.mark.parametrize("values", [(0, 0), (5, 5), (1e-9, 2e-9), (1e12, 3e12), (-3, -3)])
def test_every_scale_holds_its_values(values: tuple[float, float]) -> None:
    for kind in ("line", "bar", "stack"):
        chart = plot(kind, ["a", "b"], [series(*values)])
        assert 2 <= len(chart.ticks) <= 12
        assert all(0 <= tick.at <= chart.height for tick in chart.ticks)


def test_it_tells_in_words_what_it_shows() -> None:
    days = [dt.date(2025, 3, day) for day in (1, 2, 3)]
    chart = plot("line", days, [series(10, 30, 20, name="Orders")])
    assert "Orders: highest 30 on 2 Mar 2025, lowest 10 on 1 Mar 2025." in chart.summary
    assert chart.hits[1].text == "2 Mar 2025: 30"


def test_nothing_to_show_is_no_fault() -> None:
    assert plot("line", [], [series()]).is_empty
    assert plot("bar", [], []).is_empty
    assert spark([]) == "" and spark([1]) == ""
    assert spark([1, 2]).startswith("M")
