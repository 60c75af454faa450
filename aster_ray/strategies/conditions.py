"""Signal bits as byte columns that parameter sets share: what makes a sweep's signals cheap.

A rule is a few conditions, each of which depends on few parameters: a cross on two periods, a
filter on a period and a threshold. A thousand sets hold some dozens of distinct ones. Each is
worked out once, as one byte a bar, and a set merely combines its own.

A condition column holds the bits it allows; NaN compares false, so a warm-up allows nothing.
"""

from __future__ import annotations

import numpy as np

from aster_ray._jit import lean_kernel
from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, LONG, SHORT

ENTRIES = LONG | SHORT
EXITS = EXIT_LONG | EXIT_SHORT


@lean_kernel
def _write_crosses(fast: np.ndarray, slow: np.ndarray, bits: np.ndarray) -> None:
    bits[:1] = 0  # what was true before the first bar is not known
    for row in range(1, bits.size):
        up = (fast[row - 1] <= slow[row - 1]) & (fast[row] > slow[row])
        down = (fast[row - 1] >= slow[row - 1]) & (fast[row] < slow[row])
        bits[row] = up * (EXIT_SHORT | LONG) + down * (EXIT_LONG | SHORT)


@lean_kernel
def _write_at_least(values: np.ndarray, least: float, bits: np.ndarray) -> None:
    for row in range(bits.size):
        bits[row] = EXITS + ENTRIES * (values[row] >= least)


@lean_kernel
def _write_beyond(values: np.ndarray, low: float, high: float, bits: np.ndarray) -> None:
    for row in range(bits.size):
        bits[row] = EXITS + LONG * (values[row] < low) + SHORT * (values[row] > high)


@lean_kernel
def _write_outside_band(
    close: np.ndarray, middle: np.ndarray, deviation: np.ndarray, width: float, bits: np.ndarray
) -> None:
    bits[:1] = 0
    for row in range(1, bits.size):
        reach = width * deviation[row]
        low, high = close[row] < middle[row] - reach, close[row] > middle[row] + reach
        above = (close[row] >= middle[row]) & (not (close[row - 1] >= middle[row - 1]))
        below = (close[row] <= middle[row]) & (not (close[row - 1] <= middle[row - 1]))
        bits[row] = LONG * low + SHORT * high + EXIT_LONG * above + EXIT_SHORT * below


def crosses(fast: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """Return i1[R]: long and out of shorts where ``fast`` crosses up through ``slow``; mirrored."""
    bits = np.empty(len(fast), np.int8)
    _write_crosses(fast, slow, bits)
    return bits


def at_least(values: np.ndarray, least: float) -> np.ndarray:
    """Return i1[R]: entries only where ``values`` reach ``least``; exits always."""
    bits = np.empty(len(values), np.int8)
    _write_at_least(values, least, bits)
    return bits


def beyond(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return i1[R]: long only below ``low``, short only above ``high``; exits always."""
    bits = np.empty(len(values), np.int8)
    _write_beyond(values, low, high, bits)
    return bits


def outside_band(
    close: np.ndarray, middle: np.ndarray, deviation: np.ndarray, width: float
) -> np.ndarray:
    """Return i1[R]: long below the band, short above it, out where the close meets the middle."""
    bits = np.empty(len(close), np.int8)
    _write_outside_band(close, middle, deviation, width, bits)
    return bits


@lean_kernel
def all_of(conditions: np.ndarray, index: np.ndarray, code: np.ndarray) -> None:
    """Write the bits on which every condition of a set agrees: ``conditions`` is i1[U, R]."""
    first = conditions[index[0]]
    for row in range(code.size):
        code[row] = first[row]
    for k in range(1, index.size):
        other = conditions[index[k]]
        for row in range(code.size):
            code[row] &= other[row]


@lean_kernel
def first_of_all(conditions: np.ndarray, index: np.ndarray, code: np.ndarray) -> None:
    """Like ``all_of``, but an entry counts only on the bar where it becomes true."""
    all_of(conditions, index, code)
    for row in range(code.size - 1, 0, -1):
        code[row] &= ~(code[row - 1] & ENTRIES)
    code[:1] = 0
