"""No strategy reads the future, and one that does cannot hide it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.kernel.records import SignalColumns
from aster_ray.strategies.causality import LookAhead, Problem, Refusal, poison_check
from aster_ray.strategies.contract import Ladder, Panel, Params, Signals
from aster_ray.strategies.encode import signal_columns
from aster_ray.strategies.parameters import resolve_params
from aster_ray.strategies.series import cut

Answer = Callable[[Panel], Signals]


class Says:
    """A strategy made of one function."""

    name = "says"
    parameters = ()

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def warmup(self, params: Params) -> int:
        return 1

    def signals(self, panel: Panel, params: Params) -> Signals:
        return self._answer(panel)


def broken_promises(answer: Answer, panel: Panel) -> list[Problem]:
    return poison_check(Says(answer), {}, panel, (100, 250, 398))


def when(condition: np.ndarray) -> Signals:
    return Signals(direction=condition.astype(np.int8))


def nothing(panel: Panel) -> np.ndarray:
    return np.zeros(panel.close.shape, np.int8)


def test_no_strategy_reads_the_future_anywhere_in_its_box(strategy, box, markets) -> None:
    @settings(max_examples=50)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        panel, params = data.draw(markets), data.draw(box(strategy))
        rows = data.draw(st.lists(st.integers(0, 699), min_size=2, max_size=2))
        assert poison_check(strategy, params, panel, rows) == []

    check()


def test_a_prefix_of_the_bars_gives_a_prefix_of_the_signals(strategy, box, markets) -> None:
    def prefix(columns: SignalColumns, end: int) -> list[bytes]:
        constant = len(columns.code) > 1
        return [c[: 1 if len(c) == 1 and constant else end].tobytes() for c in columns]

    @settings(max_examples=50)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        panel, params = data.draw(markets), data.draw(box(strategy))
        whole = signal_columns([(strategy, params)], panel)
        for end in (2, 151, 333, 500, 699):
            part = signal_columns([(strategy, params)], cut(panel, end))
            assert prefix(part, end) == prefix(whole, end)

    check()


def test_no_strategy_reads_the_future_of_recorded_bars(strategy, recorded) -> None:
    params = resolve_params(strategy, {})
    assert poison_check(strategy, params, recorded, (600, 5_000, 9_999)) == []


def test_what_was_checked_does_say_something(strategy, recorded) -> None:
    """A strategy that never speaks would pass every check of this file."""
    columns = signal_columns([(strategy, resolve_params(strategy, {}))], recorded)
    ladders = np.isfinite(columns.ladder[:, :, 0]).sum()
    assert (columns.code != 0).sum() > 100 or ladders > 10_000


def next_close(panel: Panel) -> Signals:
    later = np.roll(panel.close, -1, axis=0)
    later[-1] = np.nan
    return when(later > panel.close)


def next_fall_or_nothing(panel: Panel) -> Signals:
    """Take every absent, missing or huge bar for no fall: only a lower price tells."""
    later = np.roll(panel.close, -1, axis=0)
    later[-1] = np.inf
    return when(~(later < panel.close))


def full_sample_score(panel: Panel) -> Signals:
    score = (panel.close - np.nanmean(panel.close, 0)) / np.nanstd(panel.close, 0)
    return when(score > 1.0)


def centred_average(panel: Panel) -> Signals:
    middle = np.full(panel.close.shape, np.nan)
    for row in range(2, len(middle) - 2):
        middle[row] = panel.close[row - 2 : row + 3].mean(axis=0)
    return when(panel.close < middle)


def high_of_the_whole_day(panel: Panel) -> Signals:
    day = panel.open_ms // 86_400_000
    highs = np.array([panel.high[day == one].max(axis=0) for one in day])
    return when(panel.close > 0.999 * highs)


def best_of_all(panel: Panel) -> Signals:
    return when(panel.close >= np.nanmax(panel.close, axis=0))


def leaves_on_the_last_bar(panel: Panel) -> Signals:
    last = nothing(panel).astype(bool)
    last[-1] = True
    return Signals(direction=nothing(panel), exit_long=last)


def stop_below_the_next_low(panel: Panel) -> Signals:
    later = np.roll(panel.low, -1, axis=0)
    stop = np.clip(1.0 - later / panel.close, 0.001, 0.5)
    return Signals(direction=nothing(panel) + np.int8(1), stop_loss=stop)


def ladder_around_the_mean_of_all(panel: Panel) -> Signals:
    centre = np.broadcast_to(np.nanmean(panel.close, axis=0), panel.close.shape)
    ladder = Ladder(centre, np.full(panel.close.shape, 0.01), levels=5.0)
    return Signals(direction=nothing(panel), ladder=ladder)


def constant_from_all_bars(panel: Panel) -> Signals:
    return Signals(nothing(panel), confidence=float(np.nanmax(panel.close) % 1.0))


def next_of(name: str) -> Answer:
    def answer(panel: Panel) -> Signals:
        later = np.roll(getattr(panel, name), -1, axis=0)
        return when(later > np.median(getattr(panel, name)[:50]))

    answer.__name__ = f"next_{name}"
    return answer


LOOK_AHEAD = [
    next_close,
    next_fall_or_nothing,
    full_sample_score,
    centred_average,
    high_of_the_whole_day,
    best_of_all,
    leaves_on_the_last_bar,
    stop_below_the_next_low,
    ladder_around_the_mean_of_all,
    constant_from_all_bars,
    *map(next_of, ("volume", "funding_rate", "mark", "open")),
]


@pytest.mark.parametrize("answer", LOOK_AHEAD, ids=lambda answer: answer.__name__)
def test_a_strategy_that_looks_ahead_is_caught(walk, answer: Answer) -> None:
    problems = broken_promises(answer, walk(400, 2, seed=5))
    assert any(isinstance(problem, LookAhead) for problem in problems)


def test_the_report_says_where_and_what(walk) -> None:
    problems = broken_promises(next_close, walk(400, 2, seed=5))
    assert LookAhead(250, "absent", "direction", 250) in problems
    told = "row 250, later bars absent: direction changed at row 250"
    assert told in [str(problem) for problem in problems]


def test_the_same_rules_without_the_future_pass(walk) -> None:
    def honest(panel: Panel) -> Signals:
        rows = np.arange(1, len(panel.close) + 1)[:, None]
        sums = np.array([column.cumsum() for column in panel.close.T]).T
        return when(panel.close > sums / rows)

    assert broken_promises(honest, walk(400, 2, seed=5)) == []


def test_garbage_that_stops_a_strategy_is_reported(walk) -> None:
    def fragile(panel: Panel) -> Signals:
        if np.isnan(panel.close).any():
            raise ValueError("a bar is missing")
        return when(panel.close > 100.0)

    problems = broken_promises(fragile, walk(400))
    assert len(problems) == 3
    assert all(isinstance(p, Refusal) and p.later == "missing" for p in problems)
    assert all("later bars missing" in str(p) and "a bar is missing" in str(p) for p in problems)


def test_a_column_of_another_shape_is_named(walk) -> None:
    first = {"seen": False}

    def sometimes(panel: Panel) -> Signals:
        size = panel.close.shape if not first["seen"] else (len(panel.close), 1)
        first["seen"] = True
        return Signals(nothing(panel), confidence=np.full(size, 0.5))

    problems = broken_promises(sometimes, walk(400))
    assert "confidence must be a number or have shape (400, 2)" in str(problems[0])
    assert "had (400, 1)" in str(problems[0])
