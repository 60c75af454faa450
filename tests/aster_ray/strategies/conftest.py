"""Markets the strategy tests share: seeded random walks, hand-made closes, recorded bars."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from aster_ray.kernel.market import simple_market
from aster_ray.strategies.contract import Panel

HOUR_MS = 3_600_000
RECORDED = Path(os.environ.get("ASTER_DATA", Path(__file__).parents[3] / "../shared/data"))

WalkMaker = Callable[..., Panel]


def panel_of(prices: np.ndarray) -> Panel:
    """Build a panel from f8[T, N, 4] open/high/low/close."""
    return Panel.of(simple_market(prices))


@pytest.fixture
def walk() -> WalkMaker:
    """Make a seeded random walk; ``gaps`` is the share of bars that are missing."""

    def make(bars: int, symbols: int = 2, seed: int = 0, gaps: float = 0.0) -> Panel:
        random = np.random.default_rng(seed)
        steps = random.standard_t(4, (bars, symbols)) * 0.006
        close = 100.0 * np.exp(np.cumsum(steps, axis=0))
        first = np.vstack([np.full((1, symbols), 100.0), close[:-1]]) if bars else close
        wick = np.abs(random.normal(0.0, 0.002, (2, bars, symbols)))
        high = np.maximum(first, close) * (1.0 + wick[0])
        low = np.minimum(first, close) * (1.0 - wick[1])
        prices = np.stack([first, high, low, close], axis=2)
        prices[random.random((bars, symbols)) < gaps] = np.nan
        return panel_of(prices)

    return make


@pytest.fixture
def closes() -> Callable[[np.ndarray], Panel]:
    """Make a panel of one symbol from its closes; each bar opens at the close before."""

    def make(close: np.ndarray) -> Panel:
        first = np.concatenate([close[:1], close[:-1]])
        high, low = np.maximum(first, close) * 1.001, np.minimum(first, close) * 0.999
        return panel_of(np.stack([first, high, low, close], axis=1)[:, None, :])

    return make


@pytest.fixture(scope="session")
def recorded() -> Panel:
    """Return BTC, ETH and SOL by the hour over 2023, with three months before it."""
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    files = [RECORDED / f"binance_um_{symbol}_1h.parquet" for symbol in symbols]
    if not all(file.is_file() for file in files):
        pytest.skip("recorded market data is absent")
    begin, end = 1_664_582_400_000, 1_704_067_200_000  # 2022-10-01, 2024-01-01
    prices = np.full(((end - begin) // HOUR_MS, len(symbols), 4), np.nan)
    for n, file in enumerate(files):
        table = pq.read_table(file, columns=["ts", "open", "high", "low", "close"])
        ms = table["ts"].to_numpy()
        inside = (ms >= begin) & (ms < end)
        rows = (ms[inside] - begin) // HOUR_MS
        for index, name in enumerate(("open", "high", "low", "close")):
            prices[rows, n, index] = table[name].to_numpy()[inside]
    return panel_of(prices)


YEAR_START = 92 * 24  # row of 2023-01-01 in ``recorded``
