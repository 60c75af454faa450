"""Direction and strength of a trend: distance from exponential averages, ADX and its difference."""

from __future__ import annotations

import numpy as np

from aster_ray._jit import kernel
from aster_ray.features.bars import YARDSTICK, SymbolBars, scaled
from aster_ray.features.feature import Feature, empty
from aster_ray.features.window import average, ratio

# After eight periods an exponential average keeps 1e-7 of what it began with.
_MEMORY = 8
_PERIOD, _WINDOW = 14, 256


@kernel
def _distances(
    close: np.ndarray, log_deviation: np.ndarray, period: int, begin: int, out: np.ndarray
) -> None:
    for t in range(begin, len(close)):
        level = average(close, t - _MEMORY * period + 1, t + 1, period)
        out[t] = scaled(np.log(close[t] / level), log_deviation[t], period)


@kernel
def _moves(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, row: int
) -> tuple[float, float, float]:
    """Return movement up, movement down and true range of a bar."""
    up, down = high[row] - high[row - 1], low[row - 1] - low[row]
    before = close[row - 1]
    span = max(high[row] - low[row], abs(high[row] - before), abs(low[row] - before))
    if up > down and up > 0.0:
        return up, 0.0, span
    if down > up and down > 0.0:
        return 0.0, down, span
    return 0.0, 0.0, span


@kernel
def _directions(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, t: int, window: int
) -> tuple[float, float]:
    """Return ADX and (+DI) - (-DI), in 0..100, over the ``window`` bars that end at ``t``.

    Wilder's sums begin with 13 bars, decay by one part in 14, and the index is averaged over 14
    values before it decays in turn: the steps of TA-Lib's ADX.
    """
    first = t - window + 2
    up, down, span = 0.0, 0.0, 0.0
    strength, difference = 0.0, 0.0
    for row in range(first, t + 1):
        moves = _moves(high, low, close, row)
        age = row - first
        if age < _PERIOD - 1:
            up, down, span = up + moves[0], down + moves[1], span + moves[2]
            continue
        up = up - up / _PERIOD + moves[0]
        down = down - down / _PERIOD + moves[1]
        span = span - span / _PERIOD + moves[2]
        plus, minus = ratio(100.0 * up, span), ratio(100.0 * down, span)
        difference = plus - minus
        index = ratio(100.0 * abs(difference), plus + minus)
        if age < 2 * _PERIOD - 1:
            strength += index / _PERIOD
        else:
            strength = (strength * (_PERIOD - 1) + index) / _PERIOD
    return strength, difference


@kernel
def _strengths(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, window: int, begin: int, out: np.ndarray
) -> None:
    for t in range(begin, len(close)):
        out[0, t], out[1, t] = _directions(high, low, close, t, window)


def _distance(period: int) -> Feature:
    lookback = max(_MEMORY * period, YARDSTICK + 1)

    def column(series: SymbolBars, begin: int) -> np.ndarray:
        out = empty(series)
        first = max(begin, lookback - 1)
        _distances(series.close, series.log_deviation, period, first, out)
        return out

    return Feature(
        name=f"ema_distance_{period}",
        group="trend",
        lookback=lookback,
        formula=(
            f"ln(C / EMA {period}) / (deviation of 168 log returns * sqrt {period}), the EMA begun "
            f"with the mean of the first {period} of {_MEMORY * period} closes"
        ),
        source="distance from an exponential moving average",
        column=column,
    )


def _index(series: SymbolBars, begin: int, which: int) -> np.ndarray:
    out = np.full((2, len(series)), np.nan)
    _strengths(series.high, series.low, series.close, _WINDOW, max(begin, _WINDOW - 1), out)
    found: np.ndarray = out[which] / 100.0
    return found


FEATURES = (
    _distance(12),
    _distance(32),
    Feature(
        name="adx_14",
        group="trend",
        lookback=_WINDOW,
        formula="ADX 14 / 100, Wilder's smoothing begun at the start of 256 bars",
        source="Wilder, New Concepts in Technical Trading Systems (1978)",
        column=lambda series, begin: _index(series, begin, 0),
    ),
    Feature(
        name="di_difference_14",
        group="trend",
        lookback=_WINDOW,
        formula="(+DI 14 - -DI 14) / 100, Wilder's smoothing begun at the start of 256 bars",
        source="Wilder, New Concepts in Technical Trading Systems (1978)",
        column=lambda series, begin: _index(series, begin, 1),
    ),
)
