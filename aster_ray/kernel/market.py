"""The column matrix of a run: every symbol on one time grid, ready for the kernel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np

from aster_ray.kernel.records import CLOSE, HIGH, LOW, OPEN, ROW_COLUMNS


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """Closed bars of N symbols on one grid of T open times.

    Attributes:
        symbols: venue ids such as ``BTCUSDT``; their order is the order of every decision.
        timeframe_ms: length of a bar.
        open_ms: i8[T], strictly increasing UTC open times on the grid.
        bars: f8[T, N, 8] in the layout of ``records``; NaN rows where a symbol has no bar.
        volume: f8[T, N] in base asset.
        funding_rate: f8[T, N], sum of the rates settled in ``[open, open + timeframe)``.
        start: first row that may trade; the rows before it are warm-up.
        missing: what could not be found, e.g. ``("SOLUSDT: no mark price, last price used",)``.
    """

    symbols: tuple[str, ...]
    timeframe_ms: int
    open_ms: np.ndarray
    bars: np.ndarray
    volume: np.ndarray
    funding_rate: np.ndarray
    start: int = 0
    missing: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        rows, count = len(self.open_ms), len(self.symbols)
        if self.bars.shape != (rows, count, ROW_COLUMNS):
            raise ValueError(f"bars must be {(rows, count, ROW_COLUMNS)}, was {self.bars.shape}")
        if self.volume.shape != (rows, count) or self.funding_rate.shape != (rows, count):
            raise ValueError("volume and funding_rate must have one column per symbol")

    def __len__(self) -> int:
        return len(self.open_ms)

    @property
    def close_ms(self) -> np.ndarray:
        """i8[T]: the moment each bar is known."""
        return self.open_ms + self.timeframe_ms

    def rows(self, begin: int, end: int) -> Market:
        """Return the rows ``begin..end-1`` as a market of their own (views, no copies)."""
        return replace(
            self,
            open_ms=self.open_ms[begin:end],
            bars=self.bars[begin:end],
            volume=self.volume[begin:end],
            funding_rate=self.funding_rate[begin:end],
            start=max(0, self.start - begin),
        )

    def digest(self) -> str:
        """Return a hash of everything that can change a result."""
        state = hashlib.blake2s(digest_size=16)
        state.update(f"{self.symbols}|{self.timeframe_ms}|{self.start}".encode())
        for column in (self.open_ms, self.bars, self.volume, self.funding_rate):
            state.update(np.ascontiguousarray(column).tobytes())
        return state.hexdigest()


def simple_market(prices: np.ndarray, timeframe_ms: int = 3_600_000) -> Market:
    """Build a market from f8[T, N, 4] open/high/low/close alone: mark = last, no funding."""
    rows, count = prices.shape[:2]
    bars = np.zeros((rows, count, ROW_COLUMNS))
    bars[:, :, OPEN : CLOSE + 1] = prices
    bars[:, :, 4] = prices[:, :, HIGH]
    bars[:, :, 5] = prices[:, :, LOW]
    bars[:, :, 6] = prices[:, :, CLOSE]
    return Market(
        symbols=tuple(f"S{index}USDT" for index in range(count)),
        timeframe_ms=timeframe_ms,
        open_ms=np.arange(rows, dtype=np.int64) * timeframe_ms,
        bars=bars,
        volume=np.ones((rows, count)),
        funding_rate=np.zeros((rows, count)),
    )
