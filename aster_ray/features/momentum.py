"""How far and how evenly the price went: returns, range position, RSI, Bollinger distance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aster_ray._jit import kernel
from aster_ray.features.bars import YARDSTICK, SymbolBars, scaled
from aster_ray.features.feature import Feature, empty
from aster_ray.features.window import deviation, highest, lowest, mean, ratio

Column = Callable[[SymbolBars, int], np.ndarray]
_HORIZONS = (1, 4, 12, 24, 72, 168)
# Wilder's average forgets: after 15 periods it keeps 2e-7 of what it began with.
_RSI_PERIOD, _RSI_WINDOW = 14, 225


@kernel
def _scaled_returns(
    close: np.ndarray, log_deviation: np.ndarray, bars: int, begin: int, out: np.ndarray
) -> None:
    for t in range(begin, len(close)):
        out[t] = scaled(np.log(close[t] / close[t - bars]), log_deviation[t], bars)


@kernel
def _range_position(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, period: int, begin: int, out: np.ndarray
) -> None:
    for t in range(begin, len(close)):
        top, bottom = highest(high, t - period + 1, t + 1), lowest(low, t - period + 1, t + 1)
        out[t] = 2.0 * ratio(close[t] - bottom, top - bottom) - 1.0 if top > bottom else 0.0


@kernel
def _strength(close: np.ndarray, period: int, window: int, begin: int, out: np.ndarray) -> None:
    """RSI as Wilder smooths it, begun anew at the start of every window."""
    for t in range(begin, len(close)):
        gain, loss = 0.0, 0.0
        first = t - window + 2
        for row in range(first, t + 1):
            change = close[row] - close[row - 1]
            up, down = max(change, 0.0), max(-change, 0.0)
            if row < first + period:
                gain += up / period
                loss += down / period
            else:
                gain = (gain * (period - 1) + up) / period
                loss = (loss * (period - 1) + down) / period
        out[t] = ratio(gain - loss, gain + loss)


@kernel
def _band_distance(close: np.ndarray, period: int, begin: int, out: np.ndarray) -> None:
    for t in range(begin, len(close)):
        first = t - period + 1
        # A deviation below the rounding of the prices themselves is none.
        width = deviation(close, first, t + 1)
        gap = close[t] - mean(close, first, t + 1)
        out[t] = gap / width if width > 1e-12 * close[t] else 0.0


def _return(bars: int) -> Feature:
    lookback = max(bars, YARDSTICK) + 1

    def column(series: SymbolBars, begin: int) -> np.ndarray:
        out = empty(series)
        first = max(begin, lookback - 1)
        _scaled_returns(series.close, series.log_deviation, bars, first, out)
        return out

    return Feature(
        name=f"return_{bars}",
        group="momentum",
        lookback=lookback,
        formula=f"ln(C / C[-{bars}]) / (deviation of 168 log returns * sqrt {bars})",
        source="volatility-scaled return, as in time-series momentum (Moskowitz et al. 2012)",
        column=column,
    )


def _range_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    first = max(begin, YARDSTICK - 1)
    _range_position(series.high, series.low, series.close, YARDSTICK, first, out)
    return out


def _strength_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    _strength(series.close, _RSI_PERIOD, _RSI_WINDOW, max(begin, _RSI_WINDOW - 1), out)
    return out


def _band_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    _band_distance(series.close, 20, max(begin, 19), out)
    return out


FEATURES = (
    *(_return(bars) for bars in _HORIZONS),
    Feature(
        name="range_position_168",
        group="momentum",
        lookback=YARDSTICK,
        formula="2 (C - lowest L 168) / (highest H 168 - lowest L 168) - 1, 0 without a range",
        source="Donchian channel position",
        column=_range_column,
    ),
    Feature(
        name="rsi_14",
        group="momentum",
        lookback=_RSI_WINDOW,
        formula="(RSI 14 - 50) / 50, Wilder's smoothing begun at the start of 225 bars",
        source="Wilder, New Concepts in Technical Trading Systems (1978)",
        column=_strength_column,
    ),
    Feature(
        name="bollinger_z_20",
        group="momentum",
        lookback=20,
        formula="(C - SMA 20) / population deviation of 20 closes, 0 without a deviation",
        source="Bollinger on Bollinger Bands (2001)",
        column=_band_column,
    ),
)
