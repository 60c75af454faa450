"""How much of a result could be luck: confidence intervals by the stationary bootstrap.

Politis and Romano (1994): a resample is a chain of blocks of the original returns, each starting
anywhere and of geometric length, so that the dependence inside a block survives. Sums over a
block are differences of prefix sums; a resample of T returns costs T / block draws, not T.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aster_ray.metrics.performance import DAY_MS

RESAMPLES = 1_000
CONFIDENCE = 0.95
MIN_RETURNS = 20


class Interval(NamedTuple):
    """A two-sided percentile interval."""

    low: float
    high: float


class Confidence(NamedTuple):
    """Intervals of one return series and how they were made."""

    sharpe: Interval | None
    total_return: Interval | None
    block_bars: int  # expected block length
    resamples: int
    level: float


def block_length(count: int, timeframe_ms: int) -> int:
    """Return the expected block in bars: a day or the cube root of the count, the longer one.

    A day keeps a position's life inside a block on short bars; the cube root is the usual rate.
    """
    wanted = max(math.ceil(DAY_MS / timeframe_ms), round(count ** (1.0 / 3.0)), 1)
    return max(1, min(int(wanted), count // 2))


def _lengths(count: int, block: int, random: np.random.Generator) -> np.ndarray:
    """Return geometric block lengths that add up to exactly ``count``."""
    lengths = np.empty(0, np.int64)
    total = 0
    while total < count:
        more = random.geometric(1.0 / block, size=(count - total) // block + 8)
        lengths = np.concatenate([lengths, more])
        total += int(np.sum(more))
    ends = np.cumsum(lengths)
    used = int(np.searchsorted(ends, count)) + 1
    lengths = lengths[:used].copy()
    lengths[-1] -= ends[used - 1] - count
    return lengths


def _prefix(values: np.ndarray) -> np.ndarray:
    """Return sums of the first k values of the series laid end to end with itself."""
    return np.concatenate([[0.0], np.cumsum(np.concatenate([values, values]))])


def _interval(values: list[float]) -> Interval | None:
    if len(values) < RESAMPLES // 2:
        return None
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def confidence(returns: np.ndarray, timeframe_ms: int, seed: int) -> Confidence:
    """Return 95 % intervals of the annualised Sharpe ratio and of the total return.

    ``returns`` f8[T] are simple returns per bar, each above -1. The same seed gives the same bits.
    """
    count = len(returns)
    block = block_length(count, timeframe_ms)
    if count < MIN_RETURNS or float(np.ptp(returns)) == 0.0:
        return Confidence(None, None, block, RESAMPLES, CONFIDENCE)
    random = np.random.default_rng(seed)
    # Centred, so that the variance below does not cancel.
    centre = float(np.mean(returns))
    first, second = _prefix(returns - centre), _prefix((returns - centre) ** 2)
    growth = _prefix(np.log1p(returns))
    annual = math.sqrt(365 * DAY_MS / timeframe_ms)
    sharpes, totals = [], []
    for _ in range(RESAMPLES):
        lengths = _lengths(count, block, random)
        begin = random.integers(0, count, size=len(lengths))
        end = begin + lengths
        mean = float(np.sum(first[end] - first[begin])) / count
        square = float(np.sum(second[end] - second[begin]))
        variance = (square - count * mean * mean) / (count - 1)
        # A resample of equal returns has no deviation but rounding.
        if variance * count > 1e-9 * square:
            sharpes.append((mean + centre) / math.sqrt(variance) * annual)
        totals.append(math.expm1(min(float(np.sum(growth[end] - growth[begin])), 700.0)))
    return Confidence(_interval(sharpes), _interval(totals), block, RESAMPLES, CONFIDENCE)
