"""Every bar since the anchor, shown as the panel that strategies read; growing costs no copy."""

from __future__ import annotations

import numpy as np

from aster_ray.engine.messages import BarBatch
from aster_ray.kernel.records import CLOSE, HIGH, LOW, MARK_CLOSE, OPEN
from aster_ray.strategies.contract import Panel

_PRICES = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "mark": MARK_CLOSE}
_COLUMNS = (*_PRICES, "volume", "funding_rate")


def row_of(batch: BarBatch, symbols: tuple[str, ...], timeframe_ms: int) -> Panel:
    """Return one close time as a panel of one row."""
    prices = {name: batch.bars[None, :, index] for name, index in _PRICES.items()}
    return Panel(
        symbols=symbols,
        timeframe_ms=timeframe_ms,
        open_ms=np.array([batch.open_ms]),
        volume=batch.volume[None],
        funding_rate=batch.funding_rate[None],
        **prices,
    )


class BarStore:
    """A panel to which rows are added."""

    def __init__(self, history: Panel) -> None:
        self._symbols, self._timeframe_ms = history.symbols, history.timeframe_ms
        self._rows = len(history.open_ms)
        self._columns: dict[str, np.ndarray] = {"open_ms": history.open_ms}
        self._columns |= {name: getattr(history, name) for name in _COLUMNS}

    def add(self, row: Panel) -> Panel:
        """Append one row and return all of them; read-only, and the next call may move them."""
        if self._rows == len(self._columns["open_ms"]):
            self._grow(max(64, 2 * self._rows))
        for name, column in self._columns.items():
            column[self._rows] = getattr(row, name)[0]
        self._rows += 1
        shown = {name: column[: self._rows] for name, column in self._columns.items()}
        for column in shown.values():
            column.flags.writeable = False
        return Panel(symbols=self._symbols, timeframe_ms=self._timeframe_ms, **shown)

    def _grow(self, capacity: int) -> None:
        for name, old in self._columns.items():
            column = np.zeros((capacity, *old.shape[1:]), old.dtype)
            column[: self._rows] = old[: self._rows]
            self._columns[name] = column
