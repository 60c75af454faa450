"""From a panel with holes to one symbol's unbroken columns, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aster_ray.strategies.contract import Panel, Series


def series_of(panel: Panel, n: int) -> tuple[Series, np.ndarray]:
    """Return the bars symbol ``n`` really has, and i8[R], the panel row of each.

    A bar without four finite prices is no bar. Indicators then run over what was traded, as on a
    chart: one NaN would otherwise stay inside every recursive average for ever.
    """
    columns = (panel.open, panel.high, panel.low, panel.close, panel.volume)
    full = [np.ascontiguousarray(column[:, n]) for column in columns]
    there = has_bar(*full[:4])
    open_ms, rows = panel.open_ms, np.arange(len(panel.open_ms))
    if not there.all():
        rows = np.flatnonzero(there)
        full = [column[rows] for column in full]
        open_ms = open_ms[rows]
    first, high, low, close, volume = full
    return Series(open_ms, first, high, low, close, volume, panel.timeframe_ms), rows


def has_bar(first: np.ndarray, high: np.ndarray, low: np.ndarray, close: np.ndarray) -> np.ndarray:
    """Return where all four prices are finite numbers."""
    # The sum is finite when all are, and a quarter each keeps the largest numbers from overflowing.
    return np.isfinite(0.25 * first + 0.25 * high + 0.25 * low + 0.25 * close)


def cut(panel: Panel, end: int, begin: int = 0) -> Panel:
    """Return the rows from ``begin`` to before ``end``; from 0 on, what a strategy saw then."""
    columns = ("open_ms", "open", "high", "low", "close", "volume", "mark", "funding_rate")
    return replace(panel, **{name: getattr(panel, name)[begin:end] for name in columns})


def spread(values: np.ndarray, rows: np.ndarray, column: np.ndarray) -> None:
    """Put one value per bar of a series back into the panel rows the bars came from.

    ``column`` is one symbol of a [T, N] result; rows without a bar keep what they hold.
    """
    column[rows] = values


def shifted(values: np.ndarray, bars: int = 1) -> np.ndarray:
    """Return f8[R] or f8[R, N] with the value of ``bars`` bars earlier; NaN where there is none."""
    result = np.full(values.shape, np.nan)
    if bars < len(values):
        result[bars:] = values[: len(values) - bars]
    return result


def rising(condition: np.ndarray) -> np.ndarray:
    """Return bool[R] or bool[R, N], true on the bar where ``condition`` becomes true.

    The first bar never counts: what was true before it is not known.
    """
    result = np.zeros(condition.shape, dtype=np.bool_)
    result[1:] = condition[1:] & ~condition[:-1]
    return result
