"""How much of a result could be luck: confidence intervals by the stationary bootstrap.

Politis and Romano (1994): a resample is a chain of blocks of the original returns, each starting
anywhere and of geometric length, so that the dependence inside a block survives. Sums over a
block are differences of prefix sums; a resample of T returns costs T / block draws, not T.
Series that are compared are resampled together, block by block, so that what moved both at once
does not pass for a difference between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aster_ray.metrics.performance import DAY_MS, bars_per_year

RESAMPLES = 1_000
CONFIDENCE = 0.95
MIN_RETURNS = 20
METHOD = "stationary bootstrap of returns per bar (Politis and Romano 1994)"
# Resamples drawn at a time: what bounds the memory.
_CHUNK = 250


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


class Resamples(NamedTuple):
    """Measures of K series in the same R resamples; a Sharpe is NaN where nothing deviated."""

    sharpe: np.ndarray  # f8[K, R]
    total_return: np.ndarray  # f8[K, R]
    block: int


def block_length(count: int, timeframe_ms: int) -> int:
    """Return the expected block in bars: a day or the cube root of the count, the longer one.

    A day keeps a position's life inside a block on short bars; the cube root is the usual rate.
    """
    wanted = max(math.ceil(DAY_MS / timeframe_ms), round(count ** (1.0 / 3.0)), 1)
    return max(1, min(int(wanted), count // 2))


def confidence(returns: np.ndarray, timeframe_ms: int, seed: int) -> Confidence:
    """Return 95 % intervals of the annualised Sharpe ratio and of the total return.

    ``returns`` f8[T] are simple returns per bar, each above -1. The same seed gives the same bits.
    """
    return _stated(resample([returns], timeframe_ms, seed), 0, returns)


def compared(
    first: np.ndarray, second: np.ndarray, timeframe_ms: int, seed: int
) -> tuple[Confidence, Confidence, Interval | None]:
    """Return the intervals of two series and that of ``first``'s Sharpe less ``second``'s."""
    if len(first) != len(second):  # one of them was ruined
        alone = (confidence(each, timeframe_ms, seed) for each in (first, second))
        return *alone, None  # type: ignore[return-value] # two of them
    drawn = resample([first, second], timeframe_ms, seed)
    stated = [_stated(drawn, place, each) for place, each in enumerate((first, second))]
    is_known = all(each.sharpe is not None for each in stated)
    gap = _interval(drawn.sharpe[0] - drawn.sharpe[1]) if is_known else None
    return stated[0], stated[1], gap


def resample(series: Sequence[np.ndarray], timeframe_ms: int, seed: int) -> Resamples:
    """Resample K series of T returns together ``RESAMPLES`` times.

    Fewer than ``MIN_RETURNS`` returns give no resample at all (R = 0).
    """
    values = np.array(series, np.float64)
    count = values.shape[1]
    block = block_length(count, timeframe_ms)
    if count < MIN_RETURNS:
        nothing = np.empty((len(values), 0))
        return Resamples(nothing, nothing, block)
    # Centred, so that the variance below does not cancel.
    centre = np.mean(values, axis=1, keepdims=True)
    apart = values - centre
    sums = [_prefix(part) for part in (apart, apart**2, np.log1p(values))]
    random = np.random.default_rng(seed)
    parts = [
        _totals(sums, _blocks(count, block, min(_CHUNK, RESAMPLES - done), random))
        for done in range(0, RESAMPLES, _CHUNK)
    ]
    total, square, growth = np.concatenate(parts, axis=2)
    mean = total / count
    variance = (square - count * mean * mean) / (count - 1)
    # A resample of equal returns has no deviation but rounding.
    moves = variance * count > 1e-9 * square
    deviation = np.sqrt(np.where(moves, variance, 1.0))
    annual = math.sqrt(bars_per_year(timeframe_ms))
    sharpe = np.where(moves, (mean + centre) / deviation * annual, np.nan)
    return Resamples(sharpe, np.expm1(np.minimum(growth, 700.0)), block)


def _blocks(
    count: int, block: int, draws: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return (begin, end) i8[draws, blocks] of the blocks of every resample, in drawn order.

    The lengths of a row add up to exactly ``count``; blocks past it are empty, and ``end`` may
    run past the series, which continues at its own beginning.
    """
    # Four standard deviations more than needed on average; hardly ever a second time.
    wanted = count // block + math.ceil(4.0 * math.sqrt(count / block)) + 8
    ends = np.zeros((draws, 1), np.int64)
    while int(np.min(ends[:, -1])) < count:
        more = np.cumsum(random.geometric(1.0 / block, size=(draws, wanted)), axis=1)
        ends = np.concatenate([ends, ends[:, -1:] + more], axis=1)
    lengths = np.diff(np.minimum(ends, count), axis=1)
    begin = random.integers(0, count, size=lengths.shape)
    return begin, begin + lengths


def _totals(sums: Sequence[np.ndarray], blocks: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return f8[sums, K, draws], every prefix sum taken over the blocks of every resample."""
    begin, end = blocks
    return np.array(
        [[np.sum(row.take(end) - row.take(begin), axis=1) for row in each] for each in sums],
        np.float64,
    )


def _prefix(values: np.ndarray) -> np.ndarray:
    """Return sums of the first k values of each series laid end to end with itself."""
    twice = np.cumsum(np.concatenate([values, values], axis=1), axis=1)
    return np.concatenate([np.zeros((len(values), 1)), twice], axis=1)


def _stated(drawn: Resamples, place: int, returns: np.ndarray) -> Confidence:
    moves = len(returns) > 0 and float(np.ptp(returns)) > 0.0
    sharpe = _interval(drawn.sharpe[place]) if moves else None
    total = _interval(drawn.total_return[place]) if moves else None
    return Confidence(sharpe, total, drawn.block, RESAMPLES, CONFIDENCE)


def _interval(values: np.ndarray) -> Interval | None:
    known = values[~np.isnan(values)]
    if len(known) < RESAMPLES // 2:
        return None
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return Interval(float(low), float(high))
