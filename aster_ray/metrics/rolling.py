"""The Sharpe ratio of a sliding window of UTC days: was it earned evenly, or once?"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from aster_ray.metrics.performance import DAY_MS, YEAR_MS, daily_equity, returns

# The longest window of these that the run holds three times over.
WINDOWS = (90, 30)
_TIMES = 3
# Deviations below this share of the largest return are rounding, not risk.
_ROUNDING = 1e-12


class Rolling(NamedTuple):
    """One value per day from the end of the first full window on; NaN where nothing moved."""

    ms: np.ndarray  # i8[W], end of the window
    sharpe: np.ndarray  # f8[W], annualised
    window: int  # days


def rolling_sharpe(ms: np.ndarray, equity: np.ndarray) -> Rolling | None:
    """Return the annualised Sharpe ratio of daily returns over a sliding window.

    None for a run too short for any window, or ruined.
    """
    daily = daily_equity(ms, equity)
    change = returns(daily)
    fitting = [days for days in WINDOWS if len(change) >= _TIMES * days]
    if not fitting:
        return None
    window = fitting[0]
    views = np.lib.stride_tricks.sliding_window_view(change, window)
    deviation = np.std(views, axis=1, ddof=1)
    moves = deviation > _ROUNDING * np.max(np.abs(views), axis=1)
    annual = math.sqrt(YEAR_MS / DAY_MS)
    ratio = np.mean(views, axis=1) / np.where(moves, deviation, 1.0) * annual
    return Rolling(_day_ends(ms)[window - 1 :], np.where(moves, ratio, np.nan), window)


def rolling_report(ms: np.ndarray, equity: np.ndarray) -> dict[str, Any]:
    """Return the section of the report: the window and where the ratio went."""
    found = rolling_sharpe(ms, equity)
    known = np.empty(0) if found is None else found.sharpe[~np.isnan(found.sharpe)]
    has = len(known) > 0
    return {
        "window_days": None if found is None else found.window,
        "of": "daily returns, annualised with 365 days",
        "windows": len(known),
        "lowest": float(np.min(known)) if has else None,
        "median": float(np.median(known)) if has else None,
        "highest": float(np.max(known)) if has else None,
        "latest": None if found is None else float(found.sharpe[-1]),
        "share_above_zero": float(np.mean(known > 0.0)) if has else None,
    }


def _day_ends(ms: np.ndarray) -> np.ndarray:
    """Return the last close of every UTC day that ``daily_equity`` keeps, the start left out."""
    day = (ms[1:] - 1) // DAY_MS
    ends: np.ndarray = ms[1:][np.concatenate([np.flatnonzero(np.diff(day)), [len(day) - 1]])]
    return ends
