"""Tables of one series in memory, and how a moment is written for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

# Columns of ``BarTable.values``.
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
BAR_NAMES = ("open", "high", "low", "close", "volume")


class BarTable(NamedTuple):
    """Bars of one series in time order.

    Attributes:
        origin: file or series it came from, as a person knows it (never a machine's path).
        timeframe_ms: length of a bar.
        open_ms: i8[R], UTC open times.
        values: f8[R, 5], open, high, low, close, volume.
    """

    origin: str
    timeframe_ms: int
    open_ms: np.ndarray
    values: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """Return the open times, i8[R]."""
        return self.open_ms

    @property
    def cells(self) -> np.ndarray:
        """Return what is known of each time, f8[R, 5]."""
        return self.values

    def rows(self, begin: int, end: int) -> BarTable:
        """Return the rows ``begin..end-1`` (views, no copies)."""
        return self._replace(open_ms=self.open_ms[begin:end], values=self.values[begin:end])

    def between(self, begin_ms: int, end_ms: int) -> BarTable:
        """Return the bars that open in ``[begin_ms, end_ms)``."""
        first, last = np.searchsorted(self.open_ms, (begin_ms, end_ms))
        return self.rows(int(first), int(last))

    def holding(self, times: np.ndarray, cells: np.ndarray) -> BarTable:
        """Return a table of the same series with other rows."""
        return self._replace(open_ms=times, values=cells)


class FundingTable(NamedTuple):
    """Funding settlements of one contract in time order."""

    origin: str
    settle_ms: np.ndarray  # i8[R]
    rate: np.ndarray  # f8[R], fraction of notional longs pay

    @property
    def times(self) -> np.ndarray:
        """Return the times of settlement, i8[R]."""
        return self.settle_ms

    @property
    def cells(self) -> np.ndarray:
        """Return what is known of each time, f8[R, 1]."""
        return self.rate[:, None]

    def between(self, begin_ms: int, end_ms: int) -> FundingTable:
        """Return the settlements in ``[begin_ms, end_ms)``."""
        first, last = np.searchsorted(self.settle_ms, (begin_ms, end_ms))
        return self._replace(settle_ms=self.settle_ms[first:last], rate=self.rate[first:last])

    def holding(self, times: np.ndarray, cells: np.ndarray) -> FundingTable:
        """Return a table of the same contract with other rows."""
        return self._replace(settle_ms=times, rate=cells[:, 0])


Table = BarTable | FundingTable


def moment(time_ms: int) -> str:
    """Return a UTC time for messages, e.g. ``2024-01-31 16:00``; seconds only when there are any.

    Times no calendar holds (a damaged file) come back as the number itself.
    """
    try:
        when = datetime.fromtimestamp(int(time_ms) / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return f"{int(time_ms)} ms"
    pattern = "%Y-%m-%d %H:%M" if time_ms % 60_000 == 0 else "%Y-%m-%d %H:%M:%S.%f"
    return when.strftime(pattern)
