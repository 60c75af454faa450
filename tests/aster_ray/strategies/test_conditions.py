"""Bits of one bar's conditions, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, LONG, SHORT
from aster_ray.strategies.conditions import (
    EXITS,
    all_of,
    at_least,
    beyond,
    crosses,
    first_of_all,
    outside_band,
)

UP, DOWN = EXIT_SHORT | LONG, EXIT_LONG | SHORT


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_a_cross_counts_on_its_bar_and_never_on_the_first() -> None:
    fast, slow = column(2, 0, 2, 2, 1, 0, np.nan, 3), np.ones(8)
    assert crosses(fast, slow).tolist() == [0, DOWN, UP, 0, 0, DOWN, 0, 0]


def test_a_touch_and_turn_is_a_cross_back() -> None:
    assert crosses(column(0, 1, 0), np.ones(3)).tolist() == [0, 0, DOWN]


def test_a_filter_holds_entries_back_and_never_exits() -> None:
    assert at_least(column(19, 20, 21, np.nan), 20.0).tolist() == [
        EXITS,
        EXITS | LONG | SHORT,
        EXITS | LONG | SHORT,
        EXITS,
    ]


def test_an_oscillator_allows_longs_below_and_shorts_above_its_bounds() -> None:
    found = beyond(column(29, 30, 50, 70, 71, np.nan), 30.0, 70.0)
    assert found.tolist() == [EXITS | LONG, EXITS, EXITS, EXITS, EXITS | SHORT, EXITS]


def test_outside_the_band_is_an_entry_and_the_middle_an_exit() -> None:
    close = column(97, 97, 100, 103, 100, 99, np.nan)
    found = outside_band(close, np.full(7, 100.0), np.ones(7), 2.0)
    assert found.tolist() == [0, LONG, EXIT_LONG, SHORT, EXIT_SHORT, 0, 0]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_set_says_what_all_of_its_conditions_allow(count: int) -> None:
    conditions = np.array([[7, 15, 3], [5, 12, 15], [4, 8, 1]], np.int8)
    code = np.zeros(3, np.int8)
    all_of(conditions, np.arange(count), code)
    assert code.tolist() == np.bitwise_and.reduce(conditions[:count]).tolist()


def test_an_entry_that_stands_counts_where_it_becomes_true_and_an_exit_always() -> None:
    said = [LONG, LONG, LONG | EXIT_LONG, EXIT_LONG, LONG, SHORT, SHORT]
    code = np.zeros(7, np.int8)
    first_of_all(np.array([said], np.int8), np.zeros(1, np.int64), code)
    assert code.tolist() == [0, 0, EXIT_LONG, EXIT_LONG, LONG, SHORT, 0]


def test_no_bars_make_no_bits() -> None:
    nothing = column()
    assert crosses(nothing, nothing).tolist() == []
    assert outside_band(nothing, nothing, nothing, 2.0).tolist() == []
