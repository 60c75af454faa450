"""Performance of one equity curve: small pure functions; fractions, never percents.

``equity`` is f8[T + 1] in quote currency with the starting capital first; ``returns`` is f8[T], the
simple return of each bar. A number that is undefined (fewer than two returns, no deviation, ruin)
is None. Annualised with the 365-day year of markets that never close, at zero risk-free rate.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS

# Deviations below this share of the largest return are rounding, not risk.
_ROUNDING = 1e-12
# Beyond e^700 a float overflows: a growth rate from minutes of data means nothing.
_MAX_EXPONENT = 700.0


def bars_per_year(timeframe_ms: int) -> float:
    """Return how many bars of ``timeframe_ms`` a 365-day year holds."""
    return YEAR_MS / timeframe_ms


def returns(equity: np.ndarray) -> np.ndarray:
    """Return the simple return of each bar, f8[T]; empty once equity reached zero (ruin)."""
    if len(equity) < 2 or not np.all(equity > 0.0):
        return np.empty(0)
    change: np.ndarray = equity[1:] / equity[:-1] - 1.0
    return change


def total_return(equity: np.ndarray) -> float | None:
    """Return the gain over the whole curve as a fraction of the starting capital."""
    if len(equity) < 2:
        return None
    return float(equity[-1] / equity[0] - 1.0)


def cagr(equity: np.ndarray, years: float) -> float | None:
    """Return the compound annual growth rate, a fraction; None after ruin."""
    if len(equity) < 2 or years <= 0.0 or equity[-1] <= 0.0:
        return None
    exponent = math.log(equity[-1] / equity[0]) / years
    return math.expm1(exponent) if exponent < _MAX_EXPONENT else None


def _deviation(values: np.ndarray) -> float | None:
    if len(values) < 2:
        return None
    deviation = float(np.std(values, ddof=1))
    return deviation if deviation > _ROUNDING * float(np.max(np.abs(values))) else None


def volatility(returns: np.ndarray, periods_per_year: float) -> float | None:
    """Return the annualised standard deviation (n - 1), a fraction; 0.0 where nothing moved."""
    if len(returns) < 2:
        return None
    return float(np.std(returns, ddof=1)) * math.sqrt(periods_per_year)


def sharpe(returns: np.ndarray, periods_per_year: float) -> float | None:
    """Return mean over standard deviation (n - 1), annualised."""
    deviation = _deviation(returns)
    if deviation is None:
        return None
    return float(np.mean(returns)) / deviation * math.sqrt(periods_per_year)


def sortino(returns: np.ndarray, periods_per_year: float) -> float | None:
    """Return mean over downside deviation, annualised.

    Downside deviation is the root of the mean square of the negative returns over *all* bars.
    """
    if len(returns) < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside == 0.0:
        return None
    return float(np.mean(returns)) / downside * math.sqrt(periods_per_year)


def drawdowns(equity: np.ndarray) -> np.ndarray:
    """Return the fall from the running peak at every point, f8[T + 1]; 0.25 is a quarter lost."""
    fall: np.ndarray = 1.0 - equity / np.maximum.accumulate(equity)
    return fall


def max_drawdown(equity: np.ndarray) -> float | None:
    """Return the deepest fall from a running peak, a fraction; above 1 below zero equity."""
    return float(np.max(drawdowns(equity))) if len(equity) >= 2 else None


def calmar(equity: np.ndarray, years: float) -> float | None:
    """Return the compound annual growth rate over the maximum drawdown."""
    growth, fall = cagr(equity, years), max_drawdown(equity)
    if growth is None or fall is None or fall == 0.0:
        return None
    return growth / fall


class DrawdownEpisode(NamedTuple):
    """The deepest fall: from the peak before it to the first new peak after it."""

    depth: float
    peak_ms: int
    trough_ms: int
    recovered_ms: int | None  # None: still under water at the end


def deepest_drawdown(ms: np.ndarray, equity: np.ndarray) -> DrawdownEpisode | None:
    """Return when the maximum drawdown began, bottomed and was recovered; None without one."""
    if len(equity) < 2:
        return None
    fall = drawdowns(equity)
    trough = int(np.argmax(fall))
    if fall[trough] == 0.0:
        return None
    # The last bar at the peak: time spent level with the peak is not drawdown.
    peak = int(np.flatnonzero(fall[:trough] == 0.0)[-1])
    after = np.flatnonzero(fall[trough:] == 0.0)
    recovered = int(ms[trough + after[0]]) if len(after) else None
    return DrawdownEpisode(float(fall[trough]), int(ms[peak]), int(ms[trough]), recovered)


def longest_drawdown_ms(ms: np.ndarray, equity: np.ndarray) -> int | None:
    """Return the longest time between leaving a peak and regaining it (or the end), in ms."""
    if len(equity) < 2:
        return None
    at_peak = np.flatnonzero(drawdowns(equity) == 0.0)
    marks = ms[at_peak]
    adjacent = np.diff(at_peak) == 1
    waits = np.where(adjacent, 0, np.diff(marks))
    last = 0 if at_peak[-1] == len(ms) - 1 else int(ms[-1] - marks[-1])
    return max(last, int(np.max(waits))) if len(waits) else last


def time_in_market(gross: np.ndarray) -> float | None:
    """Return the fraction of bars that closed with a position; ``gross`` f8[T] is notional."""
    return float(np.mean(gross > 0.0)) if len(gross) else None


def mean_leverage(gross: np.ndarray, equity: np.ndarray) -> float | None:
    """Return the mean of gross notional over equity, both f8[T]; None after ruin."""
    if len(gross) == 0 or not np.all(equity > 0.0):
        return None
    return float(np.mean(gross / equity))


def turnover(traded: float, equity: np.ndarray, years: float) -> float | None:
    """Return traded notional over mean equity, per year; None after ruin."""
    if len(equity) < 2 or years <= 0.0 or not np.all(equity > 0.0):
        return None
    return traded / float(np.mean(equity)) / years


def daily_equity(ms: np.ndarray, equity: np.ndarray) -> np.ndarray:
    """Return the curve at the end of every UTC day it touches, starting capital first.

    A bar that closes at midnight belongs to the day it ends; ``ms[0]`` is the start itself.
    """
    if len(equity) < 2:
        return equity
    day = (ms[1:] - 1) // DAY_MS
    ends = np.flatnonzero(np.diff(day)) + 1
    last: np.ndarray = equity[np.concatenate([[0], ends, [len(equity) - 1]])]
    return last


def monthly_returns(ms: np.ndarray, equity: np.ndarray) -> dict[str, float]:
    """Return ``YYYY-MM`` -> return of that UTC month (first and last may be partial)."""
    return _calendar_returns(ms, equity, "M")


def yearly_returns(ms: np.ndarray, equity: np.ndarray) -> dict[str, float]:
    """Return ``YYYY`` -> return of that UTC year (first and last may be partial)."""
    return _calendar_returns(ms, equity, "Y")


def _calendar_returns(ms: np.ndarray, equity: np.ndarray, unit: str) -> dict[str, float]:
    if len(returns(equity)) == 0:
        return {}
    part = (ms[1:] - 1).astype("datetime64[ms]").astype(f"datetime64[{unit}]")
    ends = np.concatenate([np.flatnonzero(part[1:] != part[:-1]), [len(part) - 1]]) + 1
    starts = np.concatenate([[0], ends[:-1]])
    return {
        str(part[end - 1]): float(equity[end] / equity[begin] - 1.0)
        for begin, end in zip(starts, ends, strict=True)
    }
