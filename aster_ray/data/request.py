"""Which bars a run wants, and the window of time that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aster_ray.data.columns import BarTable, moment
from aster_ray.data.period import describe_period, parse_period
from aster_ray.errors import DataError
from aster_ray.model.ids import DAY_MS, parse_timeframe, timeframe_name

GAP_RULES = ("allow", "forbid")
# Read this much before the warm-up, so that outages do not shorten it.
_WARMUP_SLACK_MS = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class MarketRequest:
    """Which bars a run wants.

    Attributes:
        path: folder or catalog; empty = the built-in market.
        symbols: any spelling; empty = the built-in six, or every perpetual the path holds.
        timeframe: one of the seven.
        start, end: ISO dates or moments in UTC; an ``end`` given as a date includes that day.
        warmup: bars before ``start`` that strategies see but may not trade; without a ``start``
            the first bars of the data are the warm-up.
        gaps: ``allow`` or ``forbid`` missing bars inside a symbol's life.
        max_gap: longest run of missing bars that is tolerated.
        seed: of the built-in market.
        venue: needed only where several venues have the same symbol.
    """

    path: str = ""
    symbols: tuple[str, ...] = ()
    timeframe: str = "1h"
    start: str = ""
    end: str = ""
    warmup: int = 0
    gaps: str = "allow"
    max_gap: int = 48
    seed: int = 7
    venue: str = ""

    def __post_init__(self) -> None:
        for name in ("warmup", "max_gap", "seed"):
            value = getattr(self, name)
            if value < 0:
                raise DataError(f"{name} must be a whole number >= 0, was {value}")
        if self.gaps not in GAP_RULES:
            raise DataError(f"gaps {self.gaps!r} is unknown: use {' or '.join(GAP_RULES)}")


@dataclass(frozen=True, slots=True)
class Window:
    """A request's period in milliseconds, with its warm-up."""

    start_ms: int | None
    end_ms: int | None
    warmup: int
    timeframe_ms: int

    @classmethod
    def of(cls, request: MarketRequest) -> Window:
        """Read the dates and the timeframe of a request."""
        start_ms, end_ms = parse_period(request.start, request.end)
        return cls(start_ms, end_ms, request.warmup, parse_timeframe(request.timeframe))

    @property
    def first_ms(self) -> int | None:
        """Return a moment that surely precedes the warm-up."""
        if self.start_ms is None:
            return None
        return self.start_ms - 2 * self.warmup * self.timeframe_ms - _WARMUP_SLACK_MS

    def cut(self, table: BarTable) -> BarTable | None:
        """Return the bars of the period and of the warm-up; ``None`` if none lies in the period.

        Only bars that have closed by the end belong to the period.
        """
        begin, end = 0, len(table.open_ms)
        if self.start_ms is not None:
            begin = int(np.searchsorted(table.open_ms, self.start_ms))
        if self.end_ms is not None:
            last_open = self.end_ms - table.timeframe_ms
            end = int(np.searchsorted(table.open_ms, last_open, side="right"))
        return table.rows(max(0, begin - self.warmup), end) if begin < end else None

    def nothing_for(self, symbol: str, tables: list[BarTable]) -> DataError:
        """Say that a symbol has no bar in the period, and when it has some."""
        ranges = [
            f"{moment(table.open_ms[0])} to {moment(table.open_ms[-1] + table.timeframe_ms)}"
            for table in tables
            if len(table.open_ms)
        ]
        return DataError(
            f"symbol {symbol} has no {timeframe_name(self.timeframe_ms)} bar from "
            f"{describe_period(self.start_ms, self.end_ms)}; available: "
            f"{' and '.join(ranges) or 'no complete bar'}. Change the dates or leave it out"
        )
