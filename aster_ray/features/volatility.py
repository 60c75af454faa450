"""How much the price moves: realised, range-based, and how it leans to one side."""

from __future__ import annotations

import numpy as np

from aster_ray._jit import kernel
from aster_ray.features.bars import YARDSTICK, SymbolBars
from aster_ray.features.feature import Feature, empty
from aster_ray.features.window import deviation, mean, ratio

# The logarithm of a standstill: a hundredth of a basis point a bar.
_LEAST = 1e-6


@kernel
def _ratios(
    returns: np.ndarray, log_deviation: np.ndarray, period: int, begin: int, out: np.ndarray
) -> None:
    for t in range(begin, len(returns)):
        short = max(deviation(returns, t - period + 1, t + 1), _LEAST)
        out[t] = np.log(short) - log_deviation[t]


@kernel
def _parkinson(high: np.ndarray, low: np.ndarray, period: int, begin: int, out: np.ndarray) -> None:
    for t in range(begin, len(high)):
        squares = 0.0
        for row in range(t - period + 1, t + 1):
            squares += np.log(high[row] / low[row]) ** 2
        out[t] = np.log(max(np.sqrt(squares / (period * 4.0 * np.log(2.0))), _LEAST))


@kernel
def _yang_zhang(prices: np.ndarray, period: int, begin: int, out: np.ndarray) -> None:
    """Fill ``out`` from f8[4, R] open, high, low, close."""
    weight = 0.34 / (1.34 + (period + 1.0) / (period - 1.0))
    gaps, bodies = np.empty(period), np.empty(period)
    for t in range(begin, prices.shape[1]):
        between = 0.0
        for i in range(period):
            row = t - period + 1 + i
            start, high, low, end = (
                prices[0, row],
                prices[1, row],
                prices[2, row],
                prices[3, row],
            )
            gaps[i] = np.log(start / prices[3, row - 1])
            bodies[i] = np.log(end / start)
            between += np.log(high / end) * np.log(high / start)
            between += np.log(low / end) * np.log(low / start)
        opened, closed = mean(gaps, 0, period), mean(bodies, 0, period)
        overnight, inside = 0.0, 0.0
        for i in range(period):
            overnight += (gaps[i] - opened) ** 2
            inside += (bodies[i] - closed) ** 2
        variance = (overnight + weight * inside) / (period - 1) + (1.0 - weight) * between / period
        out[t] = np.log(max(np.sqrt(max(variance, 0.0)), _LEAST))


@kernel
def _lean(returns: np.ndarray, period: int, begin: int, out: np.ndarray) -> None:
    for t in range(begin, len(returns)):
        up, down = 0.0, 0.0
        for row in range(t - period + 1, t + 1):
            if returns[row] > 0.0:
                up += returns[row] ** 2
            else:
                down += returns[row] ** 2
        out[t] = ratio(up - down, up + down)


def _deviation_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    out[begin:] = series.log_deviation[begin:]
    return out


def _ratio_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    _ratios(series.log_return, series.log_deviation, 24, max(begin, YARDSTICK), out)
    return out


def _parkinson_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    _parkinson(series.high, series.low, 24, max(begin, 23), out)
    return out


def _yang_zhang_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    prices = np.vstack([series.open, series.high, series.low, series.close])
    _yang_zhang(prices, 72, max(begin, 72), out)
    return out


def _lean_column(series: SymbolBars, begin: int) -> np.ndarray:
    out = empty(series)
    _lean(series.log_return, 24, max(begin, 24), out)
    return out


LOG_DEVIATION = "log_deviation_168"

FEATURES = (
    Feature(
        name=LOG_DEVIATION,
        group="volatility",
        lookback=YARDSTICK + 1,
        formula="ln of the population deviation of 168 log returns, at least ln 1e-6",
        source="realised volatility",
        column=_deviation_column,
    ),
    Feature(
        name="deviation_ratio_24_168",
        group="volatility",
        lookback=YARDSTICK + 1,
        formula="ln(max(deviation of 24 log returns, 1e-6)) - log_deviation_168",
        source="short against long realised volatility (Corsi 2009)",
        column=_ratio_column,
    ),
    Feature(
        name="parkinson_24",
        group="volatility",
        lookback=24,
        formula="ln sqrt(mean of ln(H / L)^2 over 24 bars / (4 ln 2)), at least ln 1e-6",
        source="Parkinson, Journal of Business 53 (1980)",
        column=_parkinson_column,
    ),
    Feature(
        name="yang_zhang_72",
        group="volatility",
        lookback=73,
        formula="ln of the Yang-Zhang deviation of 72 bars, at least ln 1e-6",
        source="Yang and Zhang, Journal of Business 73 (2000)",
        column=_yang_zhang_column,
    ),
    Feature(
        name="semivariance_lean_24",
        group="volatility",
        lookback=25,
        formula="(sum of r^2 over rises - over falls) / sum of r^2, 24 log returns",
        source="Barndorff-Nielsen, Kinnebrock and Shephard (2010)",
        column=_lean_column,
    ),
)
