"""The falls of an equity curve one by one: from a peak down to a trough and back, or not yet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray.metrics.performance import drawdowns

DEEPEST = 10


class Underwater(NamedTuple):
    """One fall; times in UTC milliseconds, lengths in milliseconds.

    An unrecovered fall has no ``recovered_ms`` and no ``recovery_ms``; its ``length_ms`` lasts
    until the end of the run.
    """

    depth: float  # fraction of the peak
    peak_ms: int  # the last bar at the peak: time spent level with it is no drawdown
    trough_ms: int
    recovered_ms: int | None
    fall_ms: int  # peak to trough
    recovery_ms: int | None  # trough to the bar that regained the peak
    length_ms: int


def underwater(ms: np.ndarray, equity: np.ndarray, most: int = DEEPEST) -> list[Underwater]:
    """Return the ``most`` deepest falls of a curve, the deepest first, equals in order of time."""
    if len(equity) < 2:
        return []
    fall = drawdowns(equity)
    below = fall > 0.0
    begins = np.flatnonzero(below[1:] & ~below[:-1])  # the curve begins at its own peak
    if len(begins) == 0:
        return []
    ends = np.flatnonzero(below[:-1] & ~below[1:]) + 1
    depth = np.maximum.reduceat(fall, begins)
    found = []
    for place in np.argsort(-depth, kind="stable")[:most].tolist():
        begin = int(begins[place])
        is_over = place < len(ends)
        end = int(ends[place]) if is_over else len(equity) - 1
        trough = begin + int(np.argmax(fall[begin : end + 1]))
        peak_ms, trough_ms, end_ms = int(ms[begin]), int(ms[trough]), int(ms[end])
        found.append(
            Underwater(
                depth=float(fall[trough]),
                peak_ms=peak_ms,
                trough_ms=trough_ms,
                recovered_ms=end_ms if is_over else None,
                fall_ms=trough_ms - peak_ms,
                recovery_ms=end_ms - trough_ms if is_over else None,
                length_ms=end_ms - peak_ms,
            )
        )
    return found
