"""What a model is taught to say: the return that follows a closed bar, and when it is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray._jit import kernel
from aster_ray.errors import ModelError
from aster_ray.features.bars import SymbolBars

FORWARD, BARRIER = "log_return", "triple_barrier"
KINDS = (FORWARD, BARRIER)


class Labels(NamedTuple):
    """One label per bar of a series.

    Attributes:
        log_return: f8[R], what a position of one unit earns before costs, as a log return; NaN
            where the future is not long enough to know.
        end: i8[R], row of the bar at whose close it is known; -1 where it is not.
    """

    log_return: np.ndarray
    end: np.ndarray


def labels_of(kind: str, bars: SymbolBars, horizon: int, width: float = 1.5) -> Labels:
    """Return the labels of one symbol.

    Args:
        kind: ``log_return``: ln(close after ``horizon`` bars / close).
            ``triple_barrier``: ln(price at the first touch / close) of the upper or the lower
            barrier, ``width`` deviations of a ``horizon``-bar return away, and the close after
            ``horizon`` bars if neither is touched (Lopez de Prado 2018, chapter 3).
        bars: of one symbol.
        horizon: bars, at least 1.
        width: half-width of the barriers in deviations; only for ``triple_barrier``.
    """
    if horizon < 1:
        raise ModelError(f"horizon must be at least 1 bar, was {horizon}")
    if kind not in KINDS:
        raise ModelError(f"label {kind!r} is unknown: use {' or '.join(KINDS)}")
    found, end = np.full(len(bars), np.nan), np.full(len(bars), -1, np.int64)
    if kind == FORWARD:
        _forward(bars.close, horizon, found, end)
    else:
        prices = np.vstack([bars.high, bars.low, bars.close])
        _barriers(prices, bars.log_deviation, (horizon, width), found, end)
    return Labels(found, end)


@kernel
def _forward(close: np.ndarray, horizon: int, found: np.ndarray, end: np.ndarray) -> None:
    for t in range(len(close) - horizon):
        found[t] = np.log(close[t + horizon] / close[t])
        end[t] = t + horizon


@kernel
def _barriers(
    prices: np.ndarray,
    log_deviation: np.ndarray,
    reach: tuple[int, float],
    found: np.ndarray,
    end: np.ndarray,
) -> None:
    """Fill from f8[3, R] high, low, close; rows without a deviation stay undefined."""
    horizon, width = reach
    for t in range(prices.shape[1] - horizon):
        if np.isnan(log_deviation[t]):
            continue
        distance = width * np.exp(log_deviation[t]) * np.sqrt(float(horizon))
        start = prices[2, t]
        found[t] = np.log(prices[2, t + horizon] / start)
        end[t] = t + horizon
        for row in range(t + 1, t + horizon + 1):
            above = np.log(prices[0, row] / start) >= distance
            below = np.log(prices[1, row] / start) <= -distance
            if above or below:
                # A bar that spans both says nothing about which came first: it earned nothing.
                found[t] = distance * (int(above) - int(below))
                end[t] = row
                break
