from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.metrics import performance
from aster_ray.metrics.episodes import underwater

CURVES = st.lists(st.integers(1, 9), min_size=2, max_size=60)


def times(count: int) -> np.ndarray:
    return np.arange(count) * 100


def test_each_fall_has_its_peak_trough_recovery_and_lengths() -> None:
    equity = np.array([10.0, 12.0, 12.0, 9.0, 11.0, 12.0, 13.0, 12.5])
    first, second = underwater(times(8), equity)
    assert first.depth == pytest.approx(0.25)
    assert (first.peak_ms, first.trough_ms, first.recovered_ms) == (200, 300, 500)
    assert (first.fall_ms, first.recovery_ms, first.length_ms) == (100, 200, 300)
    assert (second.peak_ms, second.trough_ms, second.recovered_ms) == (600, 700, None)
    assert (second.fall_ms, second.recovery_ms, second.length_ms) == (100, None, 100)


@given(CURVES)
def test_falls_are_those_found_by_walking_the_curve(values: list[int]) -> None:
    equity = np.array(values, float)
    walked, peak, begin, low = [], equity[0], 0, 0
    for place, value in enumerate(equity):
        if value >= peak:
            if low > begin:
                walked.append((begin, low, place))
            peak, begin, low = value, place, place
        elif low == begin or value < equity[low]:
            low = place
    if low > begin:
        walked.append((begin, low, None))
    found = underwater(times(len(equity)), equity, most=99)
    assert {
        (fall.peak_ms, fall.trough_ms, fall.recovered_ms, round(fall.depth, 9)) for fall in found
    } == {
        (
            begin * 100,
            low * 100,
            None if end is None else end * 100,
            round(1 - equity[low] / equity[begin], 9),
        )
        for begin, low, end in walked
    }
    depths = [fall.depth for fall in found]
    assert depths == sorted(depths, reverse=True)


@given(CURVES)
def test_deepest_and_longest_are_what_the_measures_say(values: list[int]) -> None:
    ms, equity = times(len(values)), np.array(values, float)
    found = underwater(ms, equity, most=99)
    assert max((fall.depth for fall in found), default=0.0) == performance.max_drawdown(equity)
    longest = max((fall.length_ms for fall in found), default=0)
    assert longest == performance.longest_drawdown_ms(ms, equity)


def test_only_the_deepest_are_kept_and_nothing_comes_of_nothing() -> None:
    equity = np.array([10.0, 9.0, 10.0, 8.0, 10.0, 9.5, 10.0])
    assert [round(fall.depth, 3) for fall in underwater(times(7), equity, most=2)] == [0.2, 0.1]
    assert underwater(times(1), np.array([1.0])) == []
    assert underwater(times(3), np.array([1.0, 1.0, 2.0])) == []
