"""Mark prices of a run's tradable closes, carried over gaps."""

from __future__ import annotations

import numpy as np

from aster_ray.kernel.records import MARK_CLOSE
from aster_ray.metrics.facts import RunFacts


def tradable_rows(facts: RunFacts) -> np.ndarray:
    """Return i8[T], the market row of every tradable close."""
    rows = np.searchsorted(facts.market.close_ms, facts.close_ms)
    return rows.astype(np.int64)


def carried(values: np.ndarray) -> np.ndarray:
    """Return f8[T, N] with every NaN replaced by the last number above it, NaN before the first."""
    row = np.arange(len(values))[:, None]
    seen = np.maximum.accumulate(np.where(np.isnan(values), -1, row), axis=0)
    filled = np.take_along_axis(values, np.maximum(seen, 0), axis=0)
    return np.where(seen >= 0, filled, np.nan)


def last_marks(facts: RunFacts) -> np.ndarray:
    """Return f8[N], the last mark price known at the end of the run; NaN where none ever was."""
    end = int(tradable_rows(facts)[-1]) + 1 if len(facts.close_ms) else 0
    found = np.full(len(facts.market.symbols), np.nan)
    for symbol in range(len(found)) if end else ():
        marks = facts.market.bars[:end, symbol, MARK_CLOSE]
        if np.isnan(marks[-1]):  # in a gap at the end
            known = np.flatnonzero(~np.isnan(marks))
            found[symbol] = marks[known[-1]] if len(known) else np.nan
        else:
            found[symbol] = marks[-1]
    return found
