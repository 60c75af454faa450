"""What was traded behind the moves, and where in its range a bar closed."""

from __future__ import annotations

import numpy as np

from aster_ray._jit import kernel
from aster_ray.features.bars import YARDSTICK, SymbolBars
from aster_ray.features.feature import Feature, empty
from aster_ray.features.window import deviation, mean, ratio


@kernel
def _unusual(
    volume: np.ndarray, close: np.ndarray, period: int, begin: int, out: np.ndarray
) -> None:
    levels = np.empty(period)
    for t in range(begin, len(volume)):
        for i in range(period):
            levels[i] = volume[t - period + 1 + i] * close[t - period + 1 + i]
        usual = mean(levels, 0, period)
        for i in range(period):
            # One plus: a bar without a trade has a logarithm too.
            levels[i] = np.log(1.0 + ratio(levels[i], usual))
        width = deviation(levels, 0, period)
        gap = levels[period - 1] - mean(levels, 0, period)
        out[t] = gap / width if width > 1e-12 else 0.0


@kernel
def _signed(
    volume: np.ndarray, returns: np.ndarray, period: int, begin: int, out: np.ndarray
) -> None:
    for t in range(begin, len(volume)):
        both, net = 0.0, 0.0
        for row in range(t - period + 1, t + 1):
            both += volume[row]
            net += np.sign(returns[row]) * volume[row]
        out[t] = ratio(net, both)


@kernel
def _location(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, begin: int, out: np.ndarray
) -> None:
    for t in range(begin, len(close)):
        out[t] = ratio(2.0 * close[t] - high[t] - low[t], high[t] - low[t])


def _unusual_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    _unusual(series.volume, series.close, YARDSTICK, max(begin, YARDSTICK - 1), out)
    return out


def _signed_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    _signed(series.volume, series.log_return, 24, max(begin, 24), out)
    return out


def _location_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    _location(series.high, series.low, series.close, begin, out)
    return out


FEATURES = (
    Feature(
        name="volume_z_168",
        group="volume",
        lookback=YARDSTICK,
        formula="z-score of ln(1 + V C / mean of V C) within 168 bars, 0 without a deviation",
        source="standardised turnover",
        column=_unusual_column,
    ),
    Feature(
        name="signed_volume_24",
        group="volume",
        lookback=25,
        formula="sum of sign(r) V / sum of V over 24 bars, 0 without volume",
        source="on-balance volume (Granville 1963), scaled",
        column=_signed_column,
    ),
    Feature(
        name="close_location",
        group="volume",
        lookback=1,
        formula="(2 C - H - L) / (H - L), 0 without a range",
        source="accumulation/distribution multiplier (Chaikin)",
        column=_location_column,
    ),
)
