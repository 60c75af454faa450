"""Take bars apart and put pieces of them together again."""

from __future__ import annotations

import numpy as np

from aster_ray.features.bars import SymbolBars


def columns_of(bars: SymbolBars) -> np.ndarray:
    """Return f8[6, R], a copy of what the bars were made of."""
    return np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume, bars.funding_rate])


def piece(bars: SymbolBars, begin: int, end: int) -> SymbolBars:
    """Return the rows ``begin..end-1`` as a series of their own."""
    return SymbolBars.of(bars.close_ms[begin:end], columns_of(bars)[:, begin:end])
