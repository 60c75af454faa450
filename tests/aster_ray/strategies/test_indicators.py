from __future__ import annotations

import numpy as np
import pytest
import talib

from aster_ray.strategies.indicators import column
from aster_ray.strategies.series import cut, series_of

KEYS = [
    ("close", ()),
    ("ema", (20.0,)),
    ("sma", (20.0,)),
    ("stddev", (20.0,)),
    ("rsi", (14.0,)),
    ("adx", (14.0,)),
    ("atr", (14.0,)),
]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[0])
@pytest.mark.parametrize("bars", [0, 1, 2, 13, 14, 15, 20, 28])
def test_every_column_has_the_length_of_its_series_however_short(walk, key, bars: int) -> None:
    series, _ = series_of(walk(bars, 1), 0)
    assert column(key, series).shape == (bars,)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[0])
def test_cutting_the_future_off_changes_no_bit(walk, key) -> None:
    panel = walk(3_000, 1, seed=3)
    whole = column(key, series_of(panel, 0)[0])
    for end in (1, 20, 21, 500, 1_733, 2_999):
        part = column(key, series_of(cut(panel, end), 0)[0])
        assert part.tobytes() == whole[:end].tobytes()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[0])
def test_cutting_recorded_bars_changes_no_bit(recorded, key) -> None:
    whole = column(key, series_of(recorded, 0)[0])
    for end in (777, 5_001, 10_000):
        part = column(key, series_of(cut(recorded, end), 0)[0])
        assert part.tobytes() == whole[:end].tobytes()


def test_the_deviation_is_that_of_the_bollinger_bands(walk) -> None:
    series, _ = series_of(walk(400, 1), 0)
    upper, middle, _ = talib.BBANDS(series.close, timeperiod=20, nbdevup=2.0, nbdevdn=2.0)
    ours = column(("sma", (20.0,)), series) + 2.0 * column(("stddev", (20.0,)), series)
    np.testing.assert_allclose(ours, upper, rtol=1e-12)
    np.testing.assert_array_equal(column(("sma", (20.0,)), series), middle)
