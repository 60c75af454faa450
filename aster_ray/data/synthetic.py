"""The built-in market: six perpetuals over 180 days, the same for a seed on every machine.

Every timeframe is an aggregate of the same minutes, so a price seen on one is seen on all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.data.library import BARS, FUNDING, MARK, PERPETUAL, Entry
from aster_ray.data.resample import resample
from aster_ray.kernel.synthetic import (
    FACTOR_WORDS,
    SYMBOL_WORDS,
    simulate_factor,
    simulate_funding,
    simulate_mark,
    simulate_symbol,
)
from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS, TIMEFRAMES

VENUE = "builtin"
EPOCH_MS = 1_735_689_600_000  # 2025-01-01 00:00 UTC
DAYS = 180
MINUTES = DAYS * 1440
FUNDING_MS = 8 * HOUR_MS

# Start price, annual volatility, correlation with the factor, ticks and lots per unit, and quote
# turnover a minute.
PROFILES: dict[str, tuple[float, float, float, float, float, float]] = {
    "BTCUSDT": (60_000.0, 0.50, 0.88, 10.0, 1000.0, 4_000_000.0),
    "ETHUSDT": (3_000.0, 0.65, 0.86, 100.0, 1000.0, 2_500_000.0),
    "SOLUSDT": (150.0, 0.80, 0.82, 100.0, 100.0, 900_000.0),
    "SUIUSDT": (2.5, 0.95, 0.78, 10_000.0, 10.0, 250_000.0),
    "ASTERUSDT": (1.2, 1.05, 0.70, 10_000.0, 100.0, 200_000.0),
    "PENGUUSDT": (0.03, 1.15, 0.70, 1_000_000.0, 1.0, 80_000.0),
}
SYMBOLS = tuple(PROFILES)

# Rising, falling, sideways, crashing: mean minutes, drift a minute, volatility, pull to the mean.
_REGIMES = np.array(
    [
        [5.0 * 1440.0, 0.0000085, 0.85, 0.0],
        [4.0 * 1440.0, -0.0000072, 1.05, 0.0],
        [5.0 * 1440.0, 0.0, 0.65, 0.0010],
        [0.4 * 1440.0, -0.00006, 1.9, 0.0],
    ]
)
_CHANCES = np.array(
    [
        [0.0, 0.30, 0.55, 0.15],
        [0.35, 0.0, 0.50, 0.15],
        [0.48, 0.45, 0.0, 0.07],
        [0.50, 0.10, 0.40, 0.0],
    ]
)
# Quiet in the Asian afternoon, busy when New York opens.
_HOURS = np.array(
    [
        *(1.05, 1.0, 0.95, 0.9, 0.85, 0.8, 0.8, 0.9, 1.0, 1.0, 0.95, 0.9),
        *(1.05, 1.2, 1.35, 1.3, 1.2, 1.1, 1.05, 1.05, 1.0, 0.95, 0.95, 1.0),
    ]
)


class SyntheticSymbol(NamedTuple):
    """One perpetual of the built-in market."""

    bars: BarTable
    mark: BarTable
    funding: FundingTable


def synthetic_symbol(symbol: str, timeframe_ms: int, seed: int) -> SyntheticSymbol:
    """Return one symbol's whole history; arrays are read-only because they are shared."""
    return _market(seed, timeframe_ms)[symbol]


def synthetic_entries() -> tuple[Entry, ...]:
    """Return what the built-in market holds, whatever the seed."""
    found = []
    for symbol in SYMBOLS:
        for kind in (BARS, MARK):
            for name, length in TIMEFRAMES.items():
                rows = MINUTES * MINUTE_MS // length
                last = EPOCH_MS + (rows - 1) * length
                found.append(Entry(VENUE, PERPETUAL, symbol, kind, name, rows, EPOCH_MS, last))
        rows = DAYS * DAY_MS // FUNDING_MS
        last = EPOCH_MS + (rows - 1) * FUNDING_MS
        found.append(Entry(VENUE, PERPETUAL, symbol, FUNDING, "", rows, EPOCH_MS, last))
    return tuple(found)


@lru_cache(maxsize=4)  # a session asks for one or two timeframes of one seed, again and again
def _market(seed: int, timeframe_ms: int) -> dict[str, SyntheticSymbol]:
    # Raw words of PCG64 are the only draws: numpy promises that their stream never changes.
    source = np.random.PCG64(seed)
    words = _draw(source, FACTOR_WORDS)
    factor = simulate_factor(words, _REGIMES, _CHANCES, _HOURS)
    return {symbol: _symbol(symbol, factor, source, timeframe_ms) for symbol in SYMBOLS}


def _draw(source: np.random.PCG64, words: int) -> np.ndarray:
    drawn: np.ndarray = source.random_raw(MINUTES * words).reshape(MINUTES, words)
    return drawn


def _symbol(
    symbol: str, factor: np.ndarray, source: np.random.PCG64, timeframe_ms: int
) -> SyntheticSymbol:
    profile = np.array(PROFILES[symbol])
    words = _draw(source, SYMBOL_WORDS)
    minutes = np.empty((MINUTES, 5))
    simulate_symbol(words, factor, profile, minutes)
    mark = np.empty((MINUTES, 5))
    simulate_mark(minutes, profile[3], mark)
    rates = simulate_funding(
        np.ascontiguousarray(words[:, 2]),
        np.ascontiguousarray(minutes[:, 3]),
        FUNDING_MS // MINUTE_MS,
    )
    open_ms = EPOCH_MS + MINUTE_MS * np.arange(MINUTES, dtype=np.int64)
    settle_ms = EPOCH_MS + FUNDING_MS * np.arange(len(rates), dtype=np.int64)
    found = SyntheticSymbol(
        resample(BarTable(f"built-in {symbol}", MINUTE_MS, open_ms, minutes), timeframe_ms),
        resample(BarTable(f"built-in {symbol} mark", MINUTE_MS, open_ms, mark), timeframe_ms),
        FundingTable(f"built-in {symbol} funding", settle_ms, rates),
    )
    for column in (found.bars.values, found.mark.values, rates, settle_ms):
        column.setflags(write=False)
    return found
