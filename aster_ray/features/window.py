"""Arithmetic over a window of rows ``begin..end-1``, each sum in row order.

Every feature is worked out anew from the bars of its own window. Running sums and endless averages
are faster, but they carry the first bar ever seen in their last bits: a model would then be served
other numbers than it was trained on.
"""

from __future__ import annotations

import numpy as np

from aster_ray._jit import kernel


@kernel
def ratio(numerator: float, denominator: float) -> float:
    """Return the quotient, and 0 where nothing moved: a flat market is neutral, not undefined."""
    return numerator / denominator if denominator != 0.0 else 0.0


@kernel
def total(values: np.ndarray, begin: int, end: int) -> float:
    """Return the sum."""
    found = 0.0
    for row in range(begin, end):
        found += values[row]
    return found


@kernel
def mean(values: np.ndarray, begin: int, end: int) -> float:
    """Return the mean."""
    return total(values, begin, end) / (end - begin)


@kernel
def deviation(values: np.ndarray, begin: int, end: int) -> float:
    """Return the population standard deviation, in two passes so that nothing cancels."""
    centre = mean(values, begin, end)
    squares = 0.0
    for row in range(begin, end):
        squares += (values[row] - centre) ** 2
    return float(np.sqrt(squares / (end - begin)))


@kernel
def highest(values: np.ndarray, begin: int, end: int) -> float:
    """Return the largest value."""
    found = float(values[begin])
    for row in range(begin + 1, end):
        found = max(found, values[row])
    return found


@kernel
def lowest(values: np.ndarray, begin: int, end: int) -> float:
    """Return the smallest value."""
    found = float(values[begin])
    for row in range(begin + 1, end):
        found = min(found, values[row])
    return found


@kernel
def average(values: np.ndarray, begin: int, end: int, period: int) -> float:
    """Return the exponential average that begins with the mean of its first ``period`` rows."""
    weight = 2.0 / (period + 1.0)
    found = mean(values, begin, begin + period)
    for row in range(begin + period, end):
        found += weight * (values[row] - found)
    return found
