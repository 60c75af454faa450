"""All symbols of one close time, gathered until nobody is missing or nobody is waited for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aster_ray.data.live.confirmation import SymbolRow
from aster_ray.engine.messages import BarBatch
from aster_ray.kernel.records import ROW_COLUMNS


class CloseRound:
    """Rows as they come in; a symbol without one is NaN, and it is said why.

    Args:
        symbols: in the order of the session.
        open_ms, timeframe_ms: which close.
        deadline_ms: on our own clock, after which nobody is waited for.
    """

    def __init__(
        self, symbols: Sequence[str], open_ms: int, timeframe_ms: int, deadline_ms: int
    ) -> None:
        self._symbols = tuple(symbols)
        self.open_ms, self.close_ms = open_ms, open_ms + timeframe_ms
        self.deadline_ms = deadline_ms
        self._rows: dict[int, SymbolRow] = {}
        self._missing: dict[int, str] = {}

    @property
    def outstanding(self) -> list[int]:
        """Return the symbols nothing is known of yet."""
        known = self._rows.keys() | self._missing.keys()
        return [n for n in range(len(self._symbols)) if n not in known]

    @property
    def missing(self) -> dict[str, str]:
        """Return symbol -> why it has no bar."""
        return {self._symbols[n]: why for n, why in sorted(self._missing.items())}

    def take(self, n: int, row: SymbolRow) -> None:
        """Take a symbol's row; a second one changes nothing."""
        if n not in self._missing:
            self._rows.setdefault(n, row)

    def leave_out(self, n: int, why: str) -> None:
        """Do without a symbol's bar, even if it came."""
        self._rows.pop(n, None)
        self._missing.setdefault(n, why)

    def batch(self, seq: int) -> BarBatch:
        """Return the close as its readers get it, under its number."""
        count = len(self._symbols)
        bars = np.full((count, ROW_COLUMNS), np.nan)
        volume, funding_rate = np.zeros(count), np.zeros(count)
        for n, row in self._rows.items():
            bars[n], volume[n], funding_rate[n] = row.values, row.volume, row.rate
        return BarBatch(seq, self.open_ms, self.close_ms, bars, volume, funding_rate)
