"""Bars in, signals out: keeps every bar since the anchor and asks the strategies about them.

The anchor is the first warm-up bar of the session. Indicators that never forget make a signal a
function of (anchor, bars since), so every host, and every restart, starts from the same bar.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aster_ray.engine.messages import BarBatch, SignalBatch
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import SignalColumns
from aster_ray.strategies.contract import Panel, Params, Strategy
from aster_ray.strategies.encode import last_row, signal_columns


class StrategyDesk:
    """Answer each batch of bars with the signals of all strategies."""

    def __init__(self, strategies: Sequence[tuple[Strategy, Params]], history: Market) -> None:
        """Start from ``history``: the bars since the anchor, warm-up included."""
        self._strategies = tuple(strategies)
        self._market = history
        self._known = len(history)
        self._grow(max(64, 2 * len(history)))

    def _grow(self, capacity: int) -> None:
        old = self._market
        count = len(old.symbols)
        self._open_ms = np.zeros(capacity, np.int64)
        self._bars = np.full((capacity, count, old.bars.shape[2]), np.nan)
        self._volume = np.zeros((capacity, count))
        self._funding_rate = np.zeros((capacity, count))
        rows = self._known
        self._open_ms[:rows] = old.open_ms[:rows]
        self._bars[:rows] = old.bars[:rows]
        self._volume[:rows] = old.volume[:rows]
        self._funding_rate[:rows] = old.funding_rate[:rows]

    def _view(self) -> Market:
        rows = self._known
        return Market(
            symbols=self._market.symbols,
            timeframe_ms=self._market.timeframe_ms,
            open_ms=self._open_ms[:rows],
            bars=self._bars[:rows],
            volume=self._volume[:rows],
            funding_rate=self._funding_rate[:rows],
        )

    def on_bars(self, batch: BarBatch) -> SignalBatch:
        """Append one close time and return what the strategies say about it."""
        if self._known and batch.open_ms <= self._open_ms[self._known - 1]:
            raise ValueError(f"bars of {batch.open_ms} came after {self._open_ms[self._known - 1]}")
        if self._known == len(self._open_ms):
            self._market = self._view()
            self._grow(2 * self._known)
        row = self._known
        self._open_ms[row] = batch.open_ms
        self._bars[row] = batch.bars
        self._volume[row] = batch.volume
        self._funding_rate[row] = batch.funding_rate
        self._known += 1
        columns = signal_columns(self._strategies, Panel.of(self._view()))
        return SignalBatch(batch, last_row(columns), 0)


class PreparedSignals:
    """The same answers from one pass over a market that is known in full: causality allows it."""

    def __init__(self, strategies: Sequence[tuple[Strategy, Params]], market: Market) -> None:
        self._start = market.start
        self.columns: SignalColumns = signal_columns(strategies, Panel.of(market))

    def on_bars(self, batch: BarBatch) -> SignalBatch:
        """Return what the strategies say about close time ``batch.seq``."""
        return SignalBatch(batch, self.columns, self._start + batch.seq)
