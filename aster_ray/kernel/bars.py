"""Aggregation of closed bars to a longer timeframe."""

from __future__ import annotations

import numpy as np

from aster_ray._jit import kernel


@kernel
def aggregate_bars(
    open_ms: np.ndarray, values: np.ndarray, source_ms: int, target_ms: int
) -> tuple[np.ndarray, np.ndarray]:
    """Merge bars of ``source_ms`` into bars of ``target_ms`` (a multiple of it).

    Buckets start at multiples of ``target_ms`` since the epoch. A bucket that lacks any of its
    bars is left out: half an hour of trading is not an hourly bar.

    Args:
        open_ms: i8[R], strictly increasing open times on the source grid.
        values: f8[R, 5], open, high, low, close, volume.
        source_ms: length of the bars given.
        target_ms: length of the bars wanted.

    Returns:
        The same two columns for the complete buckets.
    """
    rows = len(open_ms)
    needed = target_ms // source_ms
    times = np.empty(rows // needed + 1, np.int64)
    merged = np.empty((rows // needed + 1, 5), np.float64)
    done = 0
    begin = 0
    while begin < rows:
        bucket = open_ms[begin] - open_ms[begin] % target_ms
        end = begin
        while end < rows and open_ms[end] < bucket + target_ms:
            end += 1
        if end - begin == needed:
            times[done] = bucket
            merged[done] = _merge(values, begin, end)
            done += 1
        begin = end
    return times[:done].copy(), merged[:done].copy()


@kernel
def _merge(values: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Return one bar over the rows ``begin..end-1``."""
    bar = values[begin].copy()
    for row in range(begin + 1, end):
        bar[1] = max(bar[1], values[row, 1])
        bar[2] = min(bar[2], values[row, 2])
        bar[4] += values[row, 4]
    bar[3] = values[end - 1, 3]
    return bar
