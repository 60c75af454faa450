from __future__ import annotations

from dataclasses import replace

import numpy as np

from aster_ray.strategies.series import cut, rising, series_of, shifted, spread


def test_a_complete_symbol_keeps_every_row(walk) -> None:
    panel = walk(50, 3)
    series, rows = series_of(panel, 1)
    assert np.array_equal(rows, np.arange(50))
    assert np.array_equal(series.close, panel.close[:, 1])
    assert series.close.flags.c_contiguous
    assert series.timeframe_ms == panel.timeframe_ms


def test_holes_are_dropped_and_values_return_to_their_rows(walk) -> None:
    panel = walk(200, 2, gaps=0.3)
    low = panel.low.copy()
    low[7, 0] = np.nan  # one missing price makes a missing bar
    panel = replace(panel, low=low)
    series, rows = series_of(panel, 0)
    assert 7 not in rows
    assert 100 < len(rows) < 170
    for column in (series.open, series.high, series.low, series.close, series.open_ms):
        assert len(column) == len(rows)
        assert not np.isnan(column).any()
    back = np.zeros(panel.close.shape)
    spread(series.close, rows, back[:, 0])
    assert np.array_equal(back[rows, 0], panel.close[rows, 0])
    assert not np.delete(back[:, 0], rows).any()
    assert not back[:, 1].any()


def test_a_symbol_without_any_bar_gives_an_empty_series(walk) -> None:
    series, rows = series_of(walk(10, 1, gaps=1.1), 0)
    assert len(rows) == len(series.close) == len(series.open_ms) == 0


def test_shifted_looks_back_and_never_wraps() -> None:
    values = np.array([1.0, 2.0, 3.0])
    assert np.array_equal(shifted(values), [np.nan, 1.0, 2.0], equal_nan=True)
    assert np.isnan(shifted(values, 3)).all()
    assert np.isnan(shifted(values, 9)).all()
    assert len(shifted(values[:0])) == 0


def test_rising_marks_the_first_bar_of_each_run_but_never_bar_zero() -> None:
    condition = np.array([True, False, True, True, False, True])
    assert rising(condition).tolist() == [False, False, True, False, False, True]
    assert len(rising(condition[:0])) == 0


def test_cut_is_what_was_seen_then(walk) -> None:
    panel = walk(30)
    before = cut(panel, 12)
    assert before.close.shape == (12, 2)
    assert len(before.open_ms) == len(before.volume) == len(before.mark) == 12
    assert before.symbols == panel.symbols
